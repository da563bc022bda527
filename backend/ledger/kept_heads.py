"""The city's own witness: every sealed head once more in a file outside the database, so that whoever owns the
database alone cannot cut segments off its end unseen."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from backend.ledger.chain import all_heads

_FILE = "heads.jsonl"
_TAIL_BYTES = 4096  # more than the longest line


@dataclass(frozen=True)
class KeptHeads:
    """One line for each segment, in order, in the folder of the archives. It is only ever added to."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / _FILE

    def keep(self, session: Session) -> int:
        """Add the heads sealed since the last time; how many were. Workers that do it at once wait for each other.

        A head whose number is already kept is never written again, so a chain that was cut and grown anew differs.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            count = 0
            for head in all_heads(session, after=_last_number(file)):
                file.write(f"{head.as_line()}\n".encode())
                count += 1
            file.flush()
            os.fsync(file.fileno())
        return count

    def lines(self) -> Iterator[dict[str, Any]]:
        """Oldest first; nothing where none was ever kept."""
        if not self.path.is_file():
            return
        with self.path.open(encoding="utf-8") as file:
            for line in file:
                if line.strip():
                    yield json.loads(line)


def _last_number(file: Any) -> int:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    lines = [line for line in file.read().splitlines() if line.strip()]
    return int(json.loads(lines[-1])["number"]) if lines else -1

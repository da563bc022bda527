"""Sign-in for a demo city: the made-up citizens who have a story to show. Never for production."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from backend.accounts.errors import SignInFailed
from backend.accounts.service import SignInOption
from backend.identifiers.sealing import KeyRing
from backend.subjects.errors import SubjectNotFound
from backend.subjects.service import find_by_identifier


class DemoSignIn:
    """Offers the citizens whom the demo city's manifest (`city.json`) tells a story about."""

    adapter = "demo"

    def __init__(self, manifest: Path, keys: KeyRing) -> None:
        self._manifest = manifest
        self._keys = keys

    def options(self) -> Sequence[SignInOption]:
        return [
            SignInOption(credential=credential, name=citizen["name"], story=citizen["story"])
            for credential, citizen in self._citizens().items()
        ]

    def authenticate(self, session: Session, credential: str) -> int:
        citizen = self._citizens().get(credential)
        if citizen is None:
            raise SignInFailed
        try:
            return find_by_identifier(session, keys=self._keys, identifier=citizen["identifier"]).id
        except SubjectNotFound:
            raise SignInFailed from None

    def _citizens(self) -> dict[str, dict[str, str]]:
        if not self._manifest.exists():
            return {}
        citizens = json.loads(self._manifest.read_text(encoding="utf-8"))["demo_citizens"]
        return {citizen["credential"]: citizen for citizen in citizens}

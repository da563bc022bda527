"""The configuration, typed and read once, by the composition roots (`wsgi.py` and `command_line`) only."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from backend.identifiers.sealing import KeyRing, parse_keys


class ConfigurationInvalid(Exception):
    """An environment variable is missing or malformed; the message names it and says what to set."""


@dataclass(frozen=True)
class Config:
    """Everything that differs between one installation and another.

    database_url   SQLAlchemy URL: `sqlite:///…` (embedded) or `postgresql+psycopg://…` (production)
    redis_url      `redis://…`, or None: codes, limits and the job queue then live in the process
    keys           sealing keys and blind-index key for identity numbers
    signing_key    32 bytes, Ed25519 seed: signs heads of the ledger
    data_dir       where batch files and generated keys live
    public_url     how phones and partners reach this server, without a trailing slash
    sign_in        which sign-in adapter citizens use: `demo`; never `demo` in production
    city_name      shown on every page
    jurisdiction   whose statutory clocks count, a code of backend/objections/shipped/deadlines.yaml
    working_days_file  YAML with the holidays of years that the installed calendar does not know yet, or None
    """

    database_url: str
    redis_url: str | None
    keys: KeyRing
    signing_key: bytes
    data_dir: Path
    public_url: str
    sign_in: str
    city_name: str
    jurisdiction: str = "shandong"
    working_days_file: Path | None = None

    @property
    def is_embedded(self) -> bool:
        return self.redis_url is None

    @property
    def evidence_dir(self) -> Path:
        """Sealed evidence files; every server and worker process must see the same folder."""
        return self.data_dir / "evidence"

    @property
    def ledger_archive_dir(self) -> Path:
        """Sealed files of ledger segments that are past retention; to be backed up like the database."""
        return self.data_dir / "ledger-archive"


ENVIRONMENT_FILE = Path("var/osmanthus.env")


def load_config(environ: Mapping[str, str]) -> Config:
    """The configuration of this process; what `environ` leaves out comes from the environment file.

    The file is `OSMANTHUS_ENV_FILE`, by default `var/osmanthus.env`, which `make run` writes. Raises
    ConfigurationInvalid.
    """
    path = Path(environ.get("OSMANTHUS_ENV_FILE", ENVIRONMENT_FILE))
    in_file: dict[str, str] = {}
    if path.exists():
        lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
        pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
        in_file = {name: value for name, _, value in pairs}
    return read_config({**in_file, **environ})


def read_config(environ: Mapping[str, str]) -> Config:
    """Raises ConfigurationInvalid."""

    def required(name: str) -> str:
        value = environ.get(name, "")
        if not value:
            raise ConfigurationInvalid(f"{name} is not set; docs/configuration.md says what belongs there")
        return value

    try:
        sealing = parse_keys(required("OSMANTHUS_SEALING_KEYS"))
        keys = KeyRing(
            keys=sealing,
            current=list(sealing)[-1],
            index_key=base64.b64decode(required("OSMANTHUS_INDEX_KEY"), validate=True),
        )
        signing_key = base64.b64decode(required("OSMANTHUS_SIGNING_KEY"), validate=True)
    except ValueError as error:
        raise ConfigurationInvalid(f"a key in the environment is malformed: {error}") from None
    if len(signing_key) != 32:
        raise ConfigurationInvalid("OSMANTHUS_SIGNING_KEY must be 32 bytes in base64")
    return Config(
        database_url=required("OSMANTHUS_DATABASE_URL"),
        redis_url=environ.get("OSMANTHUS_REDIS_URL") or None,
        keys=keys,
        signing_key=signing_key,
        data_dir=Path(environ.get("OSMANTHUS_DATA_DIR", "var")).resolve(),
        public_url=environ.get("OSMANTHUS_PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/"),
        sign_in=required("OSMANTHUS_SIGN_IN"),
        city_name=environ.get("OSMANTHUS_CITY_NAME", "桂城市"),
        jurisdiction=environ.get("OSMANTHUS_JURISDICTION", "shandong"),
        working_days_file=Path(days) if (days := environ.get("OSMANTHUS_WORKING_DAYS_FILE")) else None,
    )

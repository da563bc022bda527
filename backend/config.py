"""The configuration, typed and read once, by the composition roots (`wsgi.py` and `command_line`) only."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from backend.identifiers.sealing import KeyRing, parse_keys


class ConfigurationInvalid(Exception):
    """An environment variable is missing or malformed; the message names it and says what to set."""


@dataclass(frozen=True)
class SigningCertificate:
    """What signs credit reports, both in PEM: the certificate with its chain, and its unencrypted key."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "SigningCertificate(…)"


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
    template_adjustments_file  YAML with what the city lays down where a delivery standard leaves it open, or None
    working_days_file  YAML with the holidays of years that the installed calendar does not know yet, or None
    front_servers  how many servers of the city's own a request passes before this one: so many addresses that they
                   add are believed
    report_certificate  signs credit reports; None: none can be issued here
    report_fonts       folders with the Chinese fonts that reports are set in
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
    template_adjustments_file: Path | None = None
    front_servers: int = 0
    report_certificate: SigningCertificate | None = None
    report_fonts: tuple[Path, ...] = ()

    @property
    def is_embedded(self) -> bool:
        return self.redis_url is None

    @property
    def is_demo(self) -> bool:
        """Anybody may be anybody here: a made-up city for trying out."""
        return self.sign_in == "demo"

    @property
    def is_on_this_machine(self) -> bool:
        """Served to this machine alone, so whoever is to be called back is on it too."""
        return urlsplit(self.public_url).hostname in {"127.0.0.1", "localhost", "::1"}

    @property
    def evidence_dir(self) -> Path:
        """Sealed evidence files; every server and worker process must see the same folder."""
        return self.data_dir / "evidence"

    @property
    def ledger_archive_dir(self) -> Path:
        """Sealed files of ledger segments that are past retention; to be backed up like the database."""
        return self.data_dir / "ledger-archive"


ENVIRONMENT_FILE = Path("var/osmanthus.env")
DEFAULT_CITY_NAME = "桂城市"
# Where Debian puts the fonts of fonts-wqy-microhei and fonts-noto-cjk.
USUAL_FONTS = (Path("/usr/share/fonts/truetype/wqy"), Path("/usr/share/fonts/opentype/noto"))


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
        city_name=environ.get("OSMANTHUS_CITY_NAME", DEFAULT_CITY_NAME),
        jurisdiction=environ.get("OSMANTHUS_JURISDICTION", "shandong"),
        working_days_file=Path(days) if (days := environ.get("OSMANTHUS_WORKING_DAYS_FILE")) else None,
        template_adjustments_file=Path(adjusted)
        if (adjusted := environ.get("OSMANTHUS_TEMPLATE_ADJUSTMENTS_FILE"))
        else None,
        front_servers=_count(environ, "OSMANTHUS_FRONT_SERVERS"),
        report_certificate=_report_certificate(environ),
        report_fonts=_report_fonts(environ),
    )


def _count(environ: Mapping[str, str], name: str) -> int:
    given = environ.get(name, "0")
    if not given.isdecimal():
        raise ConfigurationInvalid(f"{name} must be a whole number, not {given!r}")
    return int(given)


def _report_certificate(environ: Mapping[str, str]) -> SigningCertificate | None:
    certificate_path = environ.get("OSMANTHUS_REPORT_CERTIFICATE", "")
    key_path = environ.get("OSMANTHUS_REPORT_KEY", "")
    if not certificate_path and not key_path:
        return None
    if not certificate_path or not key_path:
        raise ConfigurationInvalid("set both OSMANTHUS_REPORT_CERTIFICATE and OSMANTHUS_REPORT_KEY, or neither")
    try:
        certificate, key = Path(certificate_path).read_bytes(), Path(key_path).read_bytes()
        private_key = load_pem_private_key(key, password=None)
        certified = load_pem_x509_certificates(certificate)[0].public_key()
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationInvalid(f"the certificate that signs reports cannot be read: {error}") from None
    if not isinstance(private_key, EllipticCurvePrivateKey | RSAPrivateKey):
        raise ConfigurationInvalid("OSMANTHUS_REPORT_KEY must be an elliptic-curve (P-256) or RSA key")
    if private_key.public_key() != certified:
        raise ConfigurationInvalid("OSMANTHUS_REPORT_KEY is not the key of OSMANTHUS_REPORT_CERTIFICATE")
    return SigningCertificate(certificate=certificate, key=key)


def _report_fonts(environ: Mapping[str, str]) -> tuple[Path, ...]:
    if named := environ.get("OSMANTHUS_REPORT_FONTS", ""):
        return tuple(Path(folder) for folder in named.split(":"))
    return tuple(folder for folder in USUAL_FONTS if folder.is_dir())

"""What prints: the city's name, its fonts, its seal. Built once from the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from backend.config import Config, SigningCertificate
from backend.reports.errors import ReportSigningNotConfigured
from backend.reports.signing import PdfSeal
from backend.reports.typesetting import Template, typeset


@dataclass(frozen=True)
class ReportPress:
    """`public_url` without a trailing slash: where a verifier's phone finds the verification page."""

    city_name: str
    public_url: str
    fonts: tuple[Path, ...]
    certificate: SigningCertificate | None

    @property
    def issuer(self) -> str:
        """Raises ReportSigningNotConfigured."""
        return _seal(self._certificate()).issuer

    def signed(self, template: Template, data: dict[str, object], *, reason: str, now: datetime) -> bytes:
        """Raises ReportSigningNotConfigured or ReportFontMissing."""
        seal = _seal(self._certificate())
        return seal.sign(self.plain(template, data, now=now), reason=reason, now=now)

    def plain(self, template: Template, data: dict[str, object], *, now: datetime) -> bytes:
        """Not signed: for what nobody has to vouch for. Raises ReportFontMissing."""
        return typeset(template, data, folders=self.fonts, now=now)

    def verification_url(self, number: str, check_code: str) -> str:
        """The page that a QR code opens; it works signed out."""
        return f"{self.public_url}/m/#/pages/reports/verify?number={number}&code={check_code}"

    def _certificate(self) -> SigningCertificate:
        if self.certificate is None:
            raise ReportSigningNotConfigured
        return self.certificate


def press_of(config: Config) -> ReportPress:
    return ReportPress(
        city_name=config.city_name,
        public_url=config.public_url,
        fonts=config.report_fonts,
        certificate=config.report_certificate,
    )


@lru_cache(maxsize=2)
def _seal(certificate: SigningCertificate) -> PdfSeal:
    return PdfSeal(certificate)

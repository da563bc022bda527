"""Departments of the demo city whose systems deliver by themselves, with keys of their own to try that with."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from backend.catalogue.document import parse_catalogue, shipped_catalogue
from backend.partners.errors import PartnerNotFound
from backend.partners.keys import kept_private_key, public_part, read_public_key
from backend.partners.models import Partner
from backend.partners.service import find_partner, register_partner

# Its code among the partners, and its name in the catalogue.
_DEPARTMENTS = (
    ("guicheng-civility", "桂城市文明办公室"),
    ("guicheng-market-regulation", "桂城市市场监督管理局"),
    ("guicheng-urban-management", "桂城市城市管理局"),
)


def open_departments(session: Session, keys_dir: Path, *, now: datetime) -> list[Partner]:
    """Register them all under their codes of the catalogue; again changes nothing.

    Each private key is written to `keys_dir/<code>.private.json`, readable by its owner only, and used again when
    it is already there.
    """
    keys_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    categories = parse_catalogue(shipped_catalogue()).categories.values()
    codes = {category.source_department: category.source_department_code for category in categories}
    partners = []
    for code, name in _DEPARTMENTS:
        try:
            partner = find_partner(session, code)
        except PartnerNotFound:
            public = public_part(kept_private_key(keys_dir / f"{code}.private.json"))
            partner = register_partner(
                session,
                code=code,
                name=name,
                kind="department",
                public_code=codes[name],
                public_jwk=read_public_key(json.dumps(public)),
                now=now,
            )
        partners.append(partner)
    return partners

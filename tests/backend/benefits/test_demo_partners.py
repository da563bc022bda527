from __future__ import annotations

import json
import stat
from datetime import date

import pytest

from backend.benefits.demo_partners import provision_demo_partners
from backend.benefits.errors import SchemeNotFound
from backend.benefits.schemes import install_shipped_schemes, provider_names, schemes_in_force
from backend.identifiers import check
from backend.partners.keys import public_part, read_private_key, read_public_key
from backend.partners.service import all_partners, keys_of


@pytest.fixture
def shipped(session, now):
    install_shipped_schemes(session, drafted_by="甲", approved_by="乙", now=now)


def test_every_shipped_scheme_has_a_demo_partner_that_offers_it(session, now, shipped, tmp_path):
    provision_demo_partners(session, tmp_path / "partners", now=now)
    codes = [scheme.rules.code for scheme in schemes_in_force(session, date(2026, 3, 3))]
    assert all(provider_names(session, codes).values())


def test_private_keys_stay_in_files_of_their_owner(session, now, shipped, tmp_path):
    provision_demo_partners(session, tmp_path / "partners", now=now)
    files = sorted((tmp_path / "partners").iterdir())
    assert len(files) == len(all_partners(session))
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for partner in all_partners(session):
        [key] = keys_of(session, partner.id)
        assert "d" not in key.public_jwk
        private = read_private_key(tmp_path / "partners" / f"{partner.code}.private.json")
        assert read_public_key(json.dumps(public_part(private))) == key.public_jwk


def test_provisioning_again_changes_nothing(session, now, shipped, tmp_path):
    first = provision_demo_partners(session, tmp_path / "partners", now=now)
    before = {file: file.read_bytes() for file in (tmp_path / "partners").iterdir()}
    assert provision_demo_partners(session, tmp_path / "partners", now=now) == first
    assert {file: file.read_bytes() for file in (tmp_path / "partners").iterdir()} == before


def test_the_codes_of_demo_partners_are_well_formed(session, now, shipped, tmp_path):
    for partner in provision_demo_partners(session, tmp_path / "partners", now=now):
        assert check(partner.public_code).valid


def test_without_schemes_there_is_nothing_to_offer(session, now, tmp_path):
    with pytest.raises(SchemeNotFound):
        provision_demo_partners(session, tmp_path / "partners", now=now)

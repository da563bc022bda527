from __future__ import annotations

from datetime import timedelta

import pytest

from backend.accounts.errors import NotSignedIn, PasswordTooWeak, RoleMissing, SignInFailed, UsernameTaken
from backend.accounts.models import SignInSession
from backend.accounts.service import (
    CITIZEN_SIGN_IN_LASTS,
    add_officer,
    citizen_of,
    officer_of,
    sign_in_citizen,
    sign_in_officer,
    sign_out,
)
from tests.factories import add_person

PASSWORD = "correct horse battery"


@pytest.fixture
def officer(session, now):
    return add_officer(session, username="zhang", name="张敏", password=PASSWORD, roles=["reviewer"], now=now)


def test_a_citizen_is_known_by_the_token_until_it_expires(session, keys, now):
    person = add_person(session, keys)
    signed_in = sign_in_citizen(session, subject_id=person.id, now=now)
    assert citizen_of(session, signed_in.token, now=now).subject_id == person.id
    with pytest.raises(NotSignedIn):
        citizen_of(session, signed_in.token, now=now + CITIZEN_SIGN_IN_LASTS)


def test_signing_out_ends_the_sign_in_at_once(session, keys, now):
    signed_in = sign_in_citizen(session, subject_id=add_person(session, keys).id, now=now)
    sign_out(session, signed_in.token, now=now)
    with pytest.raises(NotSignedIn):
        citizen_of(session, signed_in.token, now=now)


def test_the_token_itself_is_never_stored(session, keys, now):
    signed_in = sign_in_citizen(session, subject_id=add_person(session, keys).id, now=now)
    stored = session.query(SignInSession).one()
    assert signed_in.token.encode() not in stored.token_hash


def test_a_citizens_token_is_no_officers_token(session, keys, now, officer):
    citizen = sign_in_citizen(session, subject_id=add_person(session, keys).id, now=now)
    with pytest.raises(NotSignedIn):
        officer_of(session, citizen.token, now=now)


@pytest.mark.parametrize(("username", "password"), [("zhang", "wrong"), ("nobody", PASSWORD)])
def test_an_unknown_name_and_a_wrong_password_look_alike(session, officer, now, username, password):
    with pytest.raises(SignInFailed):
        sign_in_officer(session, username=username, password=password, now=now)


def test_a_suspended_officer_is_out_at_once(session, officer, now):
    signed_in, _ = sign_in_officer(session, username="zhang", password=PASSWORD, now=now)
    officer.state = "suspended"
    session.flush()
    with pytest.raises(NotSignedIn):
        officer_of(session, signed_in.token, now=now + timedelta(seconds=1))
    with pytest.raises(SignInFailed):
        sign_in_officer(session, username="zhang", password=PASSWORD, now=now)


def test_an_officer_without_the_role_is_told_which_one_is_needed(session, officer, now):
    signed_in, _ = sign_in_officer(session, username="zhang", password=PASSWORD, now=now)
    identity = officer_of(session, signed_in.token, now=now)
    identity.check_has_role(frozenset({"reviewer", "auditor"}))
    with pytest.raises(RoleMissing, match="异议专员"):
        identity.check_has_role(frozenset({"objection_officer"}))


def test_a_username_is_given_once_and_short_passwords_are_refused(session, officer, now):
    with pytest.raises(UsernameTaken):
        add_officer(session, username="zhang", name="另一人", password=PASSWORD, roles=[], now=now)
    with pytest.raises(PasswordTooWeak):
        add_officer(session, username="li", name="李正", password="short", roles=[], now=now)


def test_a_role_that_does_not_exist_is_a_programming_error(session, now):
    with pytest.raises(ValueError, match="king"):
        add_officer(session, username="li", name="李正", password=PASSWORD, roles=["king"], now=now)

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.partners.errors import (
    SignInCodeNotValid,
    StaffExists,
    StaffNotFound,
    StaffNotSignedIn,
    StaffSuspended,
    StoreExists,
    StoreNotFound,
)
from backend.partners.keys import generate_private_jwk, public_part
from backend.partners.service import register_partner, suspend_partner
from backend.partners.staff import (
    add_staff,
    close_store,
    get_staff,
    get_store,
    issue_sign_in_code,
    open_store,
    reinstate_staff,
    sign_in_staff,
    sign_out_staff,
    staff_of,
    suspend_staff,
)


@pytest.fixture
def partner(session, now):
    return register_partner(
        session,
        code="guicheng-pool",
        name="桂城泳池",
        kind="merchant",
        public_jwk=public_part(generate_private_jwk()),
        now=now,
    )


@pytest.fixture
def store(session, partner, now):
    return open_store(session, partner, name="东门店", now=now)


def test_a_code_opens_one_phone_whatever_its_spelling(session, store, now):
    _, code = add_staff(session, store, nickname="前台", role="cashier", now=now)
    spelled = code.code.lower().replace("-", " ")
    token, identity = sign_in_staff(session, code=spelled, now=now)
    assert (identity.partner_name, identity.store_name, identity.nickname) == ("桂城泳池", "东门店", "前台")
    assert staff_of(session, token, now=now + timedelta(days=29)) == identity
    with pytest.raises(SignInCodeNotValid):
        sign_in_staff(session, code=code.code, now=now)


def test_a_sign_in_ends_after_thirty_days(session, store, now):
    _, code = add_staff(session, store, nickname="前台", role="cashier", now=now)
    token, _ = sign_in_staff(session, code=code.code, now=now)
    with pytest.raises(StaffNotSignedIn):
        staff_of(session, token, now=now + timedelta(days=30))


def test_a_code_ends_after_a_day_and_a_newer_one_ends_the_older(session, store, now):
    staff, first = add_staff(session, store, nickname="前台", role="cashier", now=now)
    second = issue_sign_in_code(session, staff, now=now)
    for code, at in ((first, now), (second, now + timedelta(hours=24))):
        with pytest.raises(SignInCodeNotValid):
            sign_in_staff(session, code=code.code, now=at)
    sign_in_staff(session, code=second.code, now=now + timedelta(hours=23, minutes=59))


def test_neither_code_nor_token_can_be_read_from_the_tables(session, store, now):
    staff, code = add_staff(session, store, nickname="前台", role="cashier", now=now)
    assert code.code.replace("-", "").encode() not in staff.sign_in_code_hash
    assert len(staff.sign_in_code_hash) == 32


def end_by_suspending_staff(session, partner, store, staff, now):
    suspend_staff(session, staff, now=now)


def end_by_closing_the_store(session, partner, store, staff, now):
    close_store(session, store.id, partner_id=partner.id)


def end_by_suspending_the_partner(session, partner, store, staff, now):
    suspend_partner(session, partner, by="张敏", now=now)


@pytest.mark.parametrize("end", [end_by_suspending_staff, end_by_closing_the_store, end_by_suspending_the_partner])
def test_phones_and_waiting_codes_end_at_once(session, partner, store, now, end):
    staff, code = add_staff(session, store, nickname="前台", role="cashier", now=now)
    token, _ = sign_in_staff(session, code=code.code, now=now)
    waiting = issue_sign_in_code(session, staff, now=now)
    end(session, partner, store, staff, now)
    session.flush()
    with pytest.raises(StaffNotSignedIn):
        staff_of(session, token, now=now)
    with pytest.raises(SignInCodeNotValid):
        sign_in_staff(session, code=waiting.code, now=now)


def test_who_is_suspended_gets_no_code_until_reinstated(session, store, now):
    staff, _ = add_staff(session, store, nickname="前台", role="cashier", now=now)
    suspend_staff(session, staff, now=now)
    with pytest.raises(StaffSuspended):
        issue_sign_in_code(session, staff, now=now)
    reinstate_staff(staff)
    assert sign_in_staff(session, code=issue_sign_in_code(session, staff, now=now).code, now=now)


def test_signing_out_ends_this_phone_alone(session, store, now):
    staff, code = add_staff(session, store, nickname="前台", role="cashier", now=now)
    first, _ = sign_in_staff(session, code=code.code, now=now)
    second, _ = sign_in_staff(session, code=issue_sign_in_code(session, staff, now=now).code, now=now)
    sign_out_staff(session, first, now=now)
    sign_out_staff(session, first, now=now)
    with pytest.raises(StaffNotSignedIn):
        staff_of(session, first, now=now)
    assert staff_of(session, second, now=now)


def test_names_are_taken_once_per_store_and_partner(session, partner, store, now):
    add_staff(session, store, nickname="前台", role="cashier", now=now)
    with pytest.raises(StaffExists):
        add_staff(session, store, nickname="前台", role="manager", now=now)
    with pytest.raises(StoreExists):
        open_store(session, partner, name="东门店", now=now)
    west = open_store(session, partner, name="西门店", now=now)
    add_staff(session, west, nickname="前台", role="cashier", now=now)


def test_what_is_another_partners_does_not_exist(session, partner, store, now):
    staff, _ = add_staff(session, store, nickname="前台", role="cashier", now=now)
    other = register_partner(
        session,
        code="guicheng-gym",
        name="桂城健身房",
        kind="merchant",
        public_jwk=public_part(generate_private_jwk()),
        now=now,
    )
    with pytest.raises(StoreNotFound):
        get_store(session, store.id, partner_id=other.id)
    with pytest.raises(StaffNotFound):
        get_staff(session, staff.id, partner_id=other.id)

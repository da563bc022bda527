from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from backend.authorizations.assertions import ASSERTION_TYPE, sign_assertion
from backend.authorizations.proposals import ByOfficer
from backend.authorizations.token_endpoint import answer_token_request
from backend.authorizations.tokens import authenticate_partner
from backend.benefits.schemes import schemes_offered_by
from backend.city_calendar import CITY_ZONE
from backend.identifiers import complete_organisation_code, complete_social_credit_code
from backend.notifications.models import Notification
from backend.notifications.service import Recipient, notifications_of
from backend.onboarding.errors import (
    AlreadyPartner,
    ApplicationAlreadyFiled,
    ApplicationNotFound,
    ApplicationStateForbids,
    ContractNumberTaken,
    ContractPeriodInvalid,
    FirstManagerSignedIn,
    PublicCodeInvalid,
    SchemeUnknown,
    TermsOutdated,
)
from backend.onboarding.service import (
    approve_application,
    contact_of,
    contracts_of,
    end_due_contracts,
    file_application,
    first_sign_in_code,
    open_sandbox,
    reject_application,
    renew_contract,
    withdraw_application,
)
from backend.onboarding.states import STATE_NAMES, TRANSITIONS
from backend.onboarding.terms import terms_on
from backend.partners.errors import ContractEnded, StaffNotSignedIn
from backend.partners.keys import generate_private_jwk, public_part
from backend.partners.models import Partner
from backend.partners.service import (
    events_of,
    find_partner,
    keys_of,
    may_act,
    register_partner,
    reinstate_partner,
    suspend_partner,
)
from backend.partners.staff import add_staff, issue_sign_in_code, sign_in_staff, staff_of, stores_of
from tests.backend.benefits.made_up import add_scheme
from tests.backend.beside import beside


@pytest.fixture
def code():
    return complete_social_credit_code("91990001" + complete_organisation_code("MB918880"))


@pytest.fixture
def file(session, keys, code, now):
    add_scheme(session, now)

    def filed(**changes):
        return file_application(
            session,
            keys,
            **{
                "name": "桂香书店",
                "public_code": code,
                "kind": "merchant",
                "store_name": "桂香街店",
                "contact": {"name": "陈店长", "phone": "010-99990001"},
                "schemes": ["pool_ticket"],
                "terms_digest": terms_on(now.date()).digest,
                "public_jwk": None,
                "now": now,
                **changes,
            },
        )

    return filed


def approve(session, filed, now, **changes):
    return approve_application(
        session,
        application_id=filed.application.id,
        **{
            "code": "guixiang-books",
            "contract_number": "GC-2026-001",
            "starts_on": date(2026, 3, 3),
            "ends_on": date(2027, 3, 2),
            "schemes": ["pool_ticket"],
            "by": ByOfficer("1", "张敏"),
            "now": now,
            **changes,
        },
    )


def test_an_approved_applicant_works_at_once_with_one_code(session, file, now):
    filed = file()
    approved = approve(session, filed, now)
    partner = find_partner(session, "guixiang-books")
    assert approved.partner_id == partner.id
    assert [one.rules.code for one in schemes_offered_by(session, partner.id, now.date())] == ["pool_ticket"]
    [contract] = contracts_of(session, partner.id)
    assert (contract.number, contract.countersigned_by) == ("GC-2026-001", "张敏")
    assert contract.terms_digest == terms_on(now.date()).digest
    code = first_sign_in_code(session, receipt=filed.receipt.lower(), now=now)
    _, staff = sign_in_staff(session, code=code.code, now=now)
    assert (staff.store_name, staff.role) == ("桂香街店", "manager")
    with pytest.raises(FirstManagerSignedIn):
        first_sign_in_code(session, receipt=filed.receipt, now=now)


def test_a_key_that_was_handed_in_is_registered(session, file, now):
    public = public_part(generate_private_jwk())
    approve(session, file(public_jwk=public), now)
    assert [key.kid for key in keys_of(session, find_partner(session, "guixiang-books").id)] == [public["kid"]]


def test_the_office_is_told_and_the_contact_is_sealed(session, keys, file):
    filed = file()
    assert "陈店长".encode() not in filed.application.sealed_contact
    assert contact_of(filed.application, keys)["name"] == "陈店长"
    told = session.scalars(select(Notification).where(Notification.kind == "partner_application")).one()
    assert told.officer_role == "score_officer"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"public_code": "91990001MB918880XX"}, PublicCodeInvalid),
        ({"terms_digest": "0" * 64}, TermsOutdated),
        ({"schemes": ["no_such"]}, SchemeUnknown),
    ],
)
def test_an_application_is_refused_with_its_reason(file, changes, refusal):
    with pytest.raises(refusal):
        file(**changes)


def test_one_applicant_has_one_open_application_and_becomes_a_partner_once(session, file, now):
    first = file()
    with pytest.raises(ApplicationAlreadyFiled):
        file()
    withdraw_application(session, receipt=first.receipt, now=now)
    approve(session, file(), now)
    with pytest.raises(AlreadyPartner):
        file()


def test_a_rejection_names_its_reason_and_leaves_no_partner(session, file, now):
    filed = file()
    rejected = reject_application(
        session, application_id=filed.application.id, reason="营业执照已注销", officer="张敏", now=now
    )
    assert (rejected.state, rejected.reason) == ("rejected", "营业执照已注销")
    assert session.scalars(select(Partner)).all() == []
    with pytest.raises(ApplicationStateForbids):
        first_sign_in_code(session, receipt=filed.receipt, now=now)


def test_every_other_step_from_a_decided_application_is_refused(session, file, now):
    assert set(TRANSITIONS) == {("filed", event) for event in ("approve", "reject", "withdraw")}
    filed = file()
    reject_application(session, application_id=filed.application.id, reason="重复", officer="张敏", now=now)
    ways = [
        lambda: approve(session, filed, now),
        lambda: reject_application(
            session, application_id=filed.application.id, reason="重复", officer="张敏", now=now
        ),
        lambda: withdraw_application(session, receipt=filed.receipt, now=now),
    ]
    for state in sorted(set(STATE_NAMES) - {"filed"}):
        filed.application.state = state
        session.flush()
        for way in ways:
            with pytest.raises(ApplicationStateForbids):
                way()
            assert filed.application.state == state
        with pytest.raises(ApplicationStateForbids):
            reject_application(session, application_id=filed.application.id, reason="x", officer="y", now=now)
        with pytest.raises(ApplicationStateForbids):
            withdraw_application(session, receipt=filed.receipt, now=now)


def test_a_receipt_that_was_not_given_finds_nothing(session, now):
    with pytest.raises(ApplicationNotFound):
        withdraw_application(session, receipt="A" * 24, now=now)


@pytest.mark.parametrize(
    ("starts_on", "ends_on"),
    [
        (date(2026, 3, 3), date(2026, 3, 2)),
        (date(2025, 1, 1), date(2026, 3, 2)),
        (date(2026, 3, 3), date(2031, 3, 10)),
    ],
)
def test_a_contract_has_a_period_that_is_not_over_and_at_most_five_years(session, file, now, starts_on, ends_on):
    with pytest.raises(ContractPeriodInvalid):
        approve(session, file(), now, starts_on=starts_on, ends_on=ends_on)


def test_a_contract_number_is_used_once(session, file, now):
    approve(session, file(), now)
    with pytest.raises(ContractNumberTaken):
        renew_contract(
            session,
            find_partner(session, "guixiang-books"),
            number="GC-2026-001",
            starts_on=date(2027, 3, 3),
            ends_on=date(2028, 3, 2),
            officer="张敏",
            now=now,
        )


def test_the_database_refuses_to_change_a_contract(session, file, now):
    approve(session, file(), now)
    with pytest.raises(DatabaseError):
        session.execute(text("UPDATE partner_contracts SET ends_on = '2099-01-01'"))


def test_a_contract_is_reminded_of_a_month_before_and_ends_the_work_the_day_after_its_last(session, file, now):
    filed = file()
    approve(session, filed, now)
    partner = find_partner(session, "guixiang-books")
    token, _ = sign_in_staff(
        session, code=first_sign_in_code(session, receipt=filed.receipt, now=now).code, now=now
    )

    def told():
        rows = session.scalars(select(Notification).where(Notification.about == "partner:guixiang-books"))
        return [(row.kind, row.partner_code or row.officer_role) for row in rows]

    last_day = now.replace(year=2027, month=3, day=2)
    end_due_contracts(session, now=last_day - timedelta(days=30))
    assert told() == []
    for _ in range(2):
        end_due_contracts(session, now=last_day - timedelta(days=29))
    assert told() == [("contract_ends_soon", "guixiang-books"), ("contract_ends_soon", "score_officer")]
    assert end_due_contracts(session, now=last_day) == 0
    assert partner.state == "active"
    assert end_due_contracts(session, now=last_day + timedelta(days=1)) == 1
    assert partner.state == "suspended"
    with pytest.raises(StaffNotSignedIn):
        staff_of(session, token, now=now)


def test_the_day_after_its_contracts_last_a_partner_is_refused_before_anything_has_swept(session, file, now):
    private = generate_private_jwk()
    filed = file(public_jwk=public_part(private))
    approve(session, filed, now)
    partner = find_partner(session, "guixiang-books")
    last_minute = datetime(2027, 3, 2, 23, 59, tzinfo=CITY_ZONE)
    midnight = last_minute + timedelta(minutes=1)
    code = first_sign_in_code(session, receipt=filed.receipt, now=last_minute)
    phone, _ = sign_in_staff(session, code=code.code, now=last_minute)
    new_hire = add_staff(session, stores_of(session, partner.id)[0], nickname="前台", role="cashier", now=now)[0]
    unused = issue_sign_in_code(session, new_hire, now=last_minute)

    def ask_token(at):
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": sign_assertion(
                private, client_id=partner.code, audience="https://c.example", now=at
            ),
        }
        return answer_token_request(
            session, form=[*form.items()], token_url="https://c.example/token", issuer="https://c.example", now=at
        ).body

    token = ask_token(last_minute)["access_token"]
    assert staff_of(session, phone, now=last_minute).partner_id == partner.id
    assert authenticate_partner(session, token, last_minute).partner_id == partner.id

    for act in (
        lambda: staff_of(session, phone, now=midnight),
        lambda: authenticate_partner(session, token, midnight),
        lambda: sign_in_staff(session, code=unused.code, now=midnight),
    ):
        with pytest.raises(ContractEnded), session.begin_nested():
            act()
    assert ask_token(midnight)["error"] == "invalid_client"
    assert partner.state == "active"

    # The counter hears the same reason once the partner has been put on hold for it.
    assert end_due_contracts(session, now=midnight) == 1
    with pytest.raises(ContractEnded):
        staff_of(session, phone, now=midnight)


def test_a_renewed_contract_goes_on(session, file, now):
    approve(session, file(), now)
    partner = find_partner(session, "guixiang-books")
    renew_contract(
        session, partner, number="GC-2027-001", starts_on=date(2027, 3, 3), ends_on=date(2028, 3, 2),
        officer="张敏", now=now,
    )  # fmt: skip
    day_after = now.replace(year=2027, month=3, day=3)
    assert end_due_contracts(session, now=day_after) == 0
    assert partner.state == "active"
    assert session.scalars(select(Partner.code).where(may_act(day_after.date()))).all() == ["guixiang-books"]


def renew(session, partner, *, starts_on, now, number="GC-2027-001"):
    renew_contract(
        session, partner, number=number, starts_on=starts_on, ends_on=date(2028, 3, 2), officer="张敏", now=now
    )


def test_between_a_contract_and_one_that_begins_days_later_a_partner_may_not_act(session, file, now):
    approve(session, file(), now)
    renew(session, find_partner(session, "guixiang-books"), starts_on=date(2027, 3, 8), now=now)

    may = {day for day in range(1, 32) if session.scalar(select(Partner.code).where(may_act(date(2027, 3, day))))}

    assert may == {1, 2, *range(8, 32)}


def test_a_renewed_contract_lifts_the_suspension_that_the_end_of_the_one_before_brought(session, file, now):
    approve(session, file(), now)
    partner = find_partner(session, "guixiang-books")
    day_after = now.replace(year=2027, month=3, day=3)
    end_due_contracts(session, now=day_after)

    renew(session, partner, starts_on=day_after.date(), now=day_after + timedelta(hours=1))

    assert partner.state == "active"
    assert session.scalars(select(Partner.code).where(may_act(day_after.date()))).all() == ["guixiang-books"]
    assert [(one.event, one.cause, one.at, one.actor) for one in events_of(session, partner.id)] == [
        ("reinstate", "contract_renewed", day_after + timedelta(hours=1), "system"),
        ("suspend", "contract_ended", day_after, "system"),
    ]
    told = notifications_of(session, [Recipient(partner_code="guixiang-books")])
    [body] = [one.body for one in told if one.kind == "contract_renewed"]
    assert body == "合同 GC-2027-001，2027-03-03 至 2028-03-02。因合同期满停用的核验、核销和接口已经恢复。"


def test_a_contract_signed_ahead_lifts_the_suspension_on_its_first_day(session, file, now):
    approve(session, file(), now)
    partner = find_partner(session, "guixiang-books")
    day_after = now.replace(year=2027, month=3, day=3)
    end_due_contracts(session, now=day_after)

    renew(session, partner, starts_on=date(2027, 3, 8), now=day_after)
    states = []
    for day in (7, 8, 9):
        end_due_contracts(session, now=day_after.replace(day=day))
        states.append(partner.state)

    assert states == ["suspended", "active", "active"]
    [last, _] = events_of(session, partner.id)
    assert (last.cause, last.at.day) == ("contract_renewed", 8)
    told = notifications_of(session, [Recipient(partner_code="guixiang-books")])
    assert [one.title for one in told if one.kind == "contract_renewed"] == [
        "续签的合作合同已开始",
        "合作合同已续签",
    ]


@pytest.mark.parametrize("suspended", ["before the end", "after the end"])
def test_what_an_officer_suspended_stays_so_whatever_becomes_of_the_contract(session, file, now, suspended):
    approve(session, file(), now)
    partner = find_partner(session, "guixiang-books")
    day_after = now.replace(year=2027, month=3, day=3)
    suspended_at = now if suspended == "before the end" else day_after
    if suspended == "after the end":
        end_due_contracts(session, now=day_after)
    suspend_partner(session, partner, by="张敏", now=suspended_at)
    end_due_contracts(session, now=day_after)

    renew(session, partner, starts_on=day_after.date(), now=day_after)
    end_due_contracts(session, now=day_after)

    assert partner.state == "suspended"
    last = events_of(session, partner.id)[0]
    assert (last.event, last.cause, last.at, last.actor) == ("suspend", "decided", suspended_at, "张敏")
    for _ in range(2):
        reinstate_partner(session, partner, by="李强", now=day_after)
    assert partner.state == "active"
    assert [one.actor for one in events_of(session, partner.id)][:2] == ["李强", "张敏"]


def test_of_a_renewal_and_an_officer_who_suspends_at_that_moment_the_officer_has_the_last_word(
    postgresql_database, now
):
    day_after = now.replace(year=2027, month=3, day=3)
    with postgresql_database.transaction() as session:
        partner = register_partner(session, code="books", name="书店", kind="merchant", public_jwk=None, now=now)
        renew_contract(
            session,
            partner,
            number="GC-1",
            starts_on=now.date(),
            ends_on=date(2027, 3, 2),
            officer="张敏",
            now=now,
        )
        end_due_contracts(session, now=day_after)

    with postgresql_database.transaction() as session:
        suspend_partner(session, find_partner(session, "books"), by="张敏", now=day_after)
        renewal = beside(
            session,
            postgresql_database,
            lambda other: renew(
                other, find_partner(other, "books"), starts_on=day_after.date(), now=day_after, number="GC-2"
            ),
        )

    renewal.result()
    with postgresql_database.reading() as session:
        assert find_partner(session, "books").state == "suspended"


def test_the_database_refuses_to_change_what_became_of_a_partner(session, file, now):
    approve(session, file(), now)
    suspend_partner(session, find_partner(session, "guixiang-books"), by="张敏", now=now)
    with pytest.raises(DatabaseError):
        session.execute(text("UPDATE partner_events SET cause = 'contract_ended'"))


def test_a_sandbox_offers_everything_and_is_met_again_by_its_key(session, now):
    add_scheme(session, now)
    key = public_part(generate_private_jwk())
    first, again = (open_sandbox(session, name="试一试", public_jwk=key, now=now) for _ in range(2))
    assert first.partner.id == again.partner.id
    assert first.schemes == ("pool_ticket",)
    assert sign_in_staff(session, code=again.sign_in_code.code, now=now)

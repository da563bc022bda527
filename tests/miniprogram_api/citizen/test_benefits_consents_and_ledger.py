from __future__ import annotations

from uuid import uuid4

import pytest

from backend.authorizations.service import Asked, request_sharing
from backend.ledger.service import Actor, record_access
from backend.partners.models import Partner
from tests.factories import share_grade

NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def bank(ready_city):
    with ready_city.database.transaction() as session:
        partner = Partner(
            code="bank", name="桂城银行", public_code=None, kind="institution", state="active",
            registered_at=ready_city.clock(),
        )  # fmt: skip
        session.add(partner)
        session.flush()
        return partner


@pytest.fixture
def sharing(scored, bank):
    with scored.city.database.transaction() as session:
        return share_grade(session, scored.subject, bank, scored.city.clock(), purpose="信易贷授信")


def test_every_scheme_stands_in_exactly_one_list_with_each_unmet_condition(scored):
    benefits = scored.get("/me/benefits").get_json()

    codes = [benefit["code"] for list_ in benefits.values() for benefit in list_]
    assert benefits.keys() == {"eligible", "nearly", "not_eligible"}
    assert codes
    assert len(codes) == len(set(codes))
    for benefit in benefits["eligible"]:
        assert benefit["unmet"] == []
        assert benefit["tier"]["terms"]["summary"]
    for benefit in benefits["nearly"] + benefits["not_eligible"]:
        assert benefit["unmet"]
        assert all(unmet["reason"] and unmet["need"] and unmet["have"] for unmet in benefit["unmet"])


def test_a_citizen_who_has_not_activated_is_told_that_this_is_what_is_missing(citizen):
    benefits = citizen.get("/me/benefits").get_json()

    assert benefits["eligible"] == []
    for benefit in benefits["nearly"] + benefits["not_eligible"]:
        assert "consent.activated" in [unmet["fact"] for unmet in benefit["unmet"]]


def test_a_code_lives_for_a_minute_and_says_nothing_about_whom(scored):
    answer = scored.post("/me/codes", {})

    code = answer.get_json()
    assert answer.status_code == 201
    assert code["qr_svg"].startswith("data:image/svg+xml")
    assert code["renew_at"] < code["expires_at"]
    assert str(scored.id) not in code["code"] or len(code["code"]) >= 26
    assert scored.post("/me/codes", {}).get_json()["code"] != code["code"]


def test_a_code_for_a_scheme_that_is_not_in_force_is_refused(scored):
    assert scored.post("/me/codes", {"scheme": "no_such_scheme"}).status_code == 404


def test_my_consents_name_recipient_purpose_and_data_in_words(scored, sharing):
    items = scored.get("/me/authorizations").get_json()["items"]

    by_kind = {item["kind"]: item for item in items}
    assert by_kind.keys() == {"activation", "sharing"}
    assert by_kind["sharing"]["recipient"] == "桂城银行"
    assert by_kind["sharing"]["purpose"] == "信易贷授信"
    assert by_kind["sharing"]["data"] == ["信用等级"]
    assert all(item["state"] == "given" and item["can_withdraw"] for item in items)


def test_withdrawing_one_consent_ends_it_at_once_and_leaves_the_rest(scored, sharing):
    answer = scored.delete(f"/me/authorizations/{sharing.id}")

    assert (answer.status_code, answer.get_json()["state"]) == (200, "withdrawn")
    assert answer.get_json()["can_withdraw"] is False
    assert answer.get_json()["ended_at"]
    assert scored.get("/me/score").status_code == 200
    again = scored.delete(f"/me/authorizations/{sharing.id}")
    assert (again.status_code, again.get_json()["code"]) == (409, "consent_not_in_state")


def test_withdrawing_the_activation_here_deletes_the_score_as_leaving_does(scored, sharing):
    activation = next(
        item for item in scored.get("/me/authorizations").get_json()["items"] if item["kind"] == "activation"
    )

    assert scored.delete(f"/me/authorizations/{activation['id']}").status_code == 200

    assert scored.get("/me/score").get_json()["code"] == "not_activated"
    assert scored.get("/me/score/history").get_json() == {"items": []}
    ended = {item["kind"]: item for item in scored.get("/me/authorizations").get_json()["items"]}
    assert {kind: (item["state"], item["end_reason"]) for kind, item in ended.items()} == {
        "activation": ("withdrawn", None),
        "sharing": ("withdrawn", "信用分已停用，以它为基础的授权随之终止"),
    }


def test_the_dashboard_tells_what_the_recipient_learns_until_when_and_when_it_was_last_used(scored, sharing):
    with scored.city.database.transaction() as session:
        record_access(
            session,
            subject_id=scored.id,
            actor=Actor(kind="partner", id=str(sharing.recipient_partner_id), name="桂城银行"),
            action="grade_read",
            basis="本人授权",
            purpose="信易贷授信",
            detail={"consent": str(sharing.id)},
            channel="partner_api",
            now=scored.city.clock(),
        )

    items = {item["kind"]: item for item in scored.get("/me/authorizations").get_json()["items"]}

    assert items["sharing"]["output"] == "信用等级，不含分数和记录"
    assert items["sharing"]["expires_at"] == "2026-04-02T02:00:00Z"
    assert items["sharing"]["last_used_at"] == "2026-03-03T02:00:00Z"
    assert items["sharing"]["reconfirm_due_at"] == "2026-06-01T02:00:00Z"
    assert items["activation"]["last_used_at"] is None
    assert (items["sharing"]["can_pause"], items["activation"]["can_pause"]) == (True, False)


def test_a_consent_is_paused_resumed_and_confirmed_in_one_step_each(scored, sharing):
    path = f"/me/authorizations/{sharing.id}"

    paused = scored.post(f"{path}/pause")
    again = scored.post(f"{path}/pause")
    resumed = scored.post(f"{path}/resumption")
    confirmed = scored.post(f"{path}/reconfirmation")

    assert (paused.status_code, paused.get_json()["state"]) == (200, "paused")
    assert (again.status_code, again.get_json()["code"]) == (409, "consent_not_in_state")
    assert (resumed.status_code, resumed.get_json()["state"]) == (200, "given")
    assert (confirmed.status_code, confirmed.get_json()["state"]) == (200, "given")


def test_pausing_the_activation_is_refused_with_what_to_do_instead(scored):
    [activation] = scored.get("/me/authorizations").get_json()["items"]

    answer = scored.post(f"/me/authorizations/{activation['id']}/pause")

    assert (answer.status_code, answer.get_json()["code"]) == (422, "pause_not_offered")


@pytest.fixture
def request_of_bank(scored, bank):
    with scored.city.database.transaction() as session:
        asked = Asked(
            recipient=bank,
            purpose="信易贷授信",
            data_categories=["grade"],
            output="信用等级",
            scopes=["grade:read"],
            mode="until_expiry",
            longest_days=90,
            notice_version="2026-11",
            frequency_most=1,
            frequency_days=30,
        )
        return request_sharing(session, scored.subject, asked, now=scored.city.clock())


def test_a_request_is_given_for_as_long_as_the_citizen_chooses(scored, request_of_bank):
    path = f"/me/authorizations/{request_of_bank.id}"
    waiting = next(
        item for item in scored.get("/me/authorizations").get_json()["items"] if item["kind"] == "sharing"
    )

    too_long = scored.post(f"{path}/decision", {"agreed": True, "days": 91})
    given = scored.post(f"{path}/decision", {"agreed": True, "days": 30})

    assert (waiting["state"], waiting["longest_days"], waiting["frequency"]) == (
        "requested",
        90,
        "每 30 天最多 1 次",
    )
    assert (too_long.status_code, too_long.get_json()["code"]) == (422, "term_required")
    assert (given.status_code, given.get_json()["expires_at"]) == (200, "2026-04-02T02:00:00Z")
    assert scored.get("/me/notifications").get_json()["items"][0]["kind"] == "consent_requested"


ASKED_WITH = {
    "/api/v1/me/loan-referrals/institutions": {"scheme": "loan"},
    "/api/v1/me/deletion-requests/preview": {"scope": "all", "ground": "other"},
    "/api/v1/me/commitments/letter": {"type": "voluntary_publication", "matter": "按时缴纳物业费"},
}
"""What the pages ask that need to be told something."""
TELL_OF_THE_REQUEST = {f"/api/v1/me/{page}" for page in ("authorizations", "deletion-requests/preview", "export")}
"""Rightly different afterwards: they tell that it was refused."""


def every_page(citizen):
    for rule in citizen.city.app.url_map.iter_rules():
        if "GET" in rule.methods and rule.rule.startswith("/api/v1/me") and not rule.arguments:
            yield rule.rule, citizen.phone.get(rule.rule, query_string=ASKED_WITH.get(rule.rule))


def test_refusing_a_request_blocks_nothing_else(scored, request_of_bank):
    """Every page of the citizen answers as before: PIPL art. 16."""

    def answers():
        return {
            route: (answer.status_code, answer.get_json() if route not in TELL_OF_THE_REQUEST else None)
            for route, answer in every_page(scored)
        }

    before = answers()
    assert len(before) >= 8
    refused = scored.post(f"/me/authorizations/{request_of_bank.id}/decision", {"agreed": False})

    assert (refused.status_code, refused.get_json()["state"]) == (200, "refused")
    assert answers() == before
    assert scored.post("/me/codes", {}).status_code == 201
    assert all(status < 400 for status, _ in before.values())


def test_without_activating_every_page_but_the_score_itself_is_there(citizen):
    refused = {}
    for route, answer in every_page(citizen):
        if answer.status_code != 200:
            refused[route] = answer.get_json()["code"]
    assert refused == {"/api/v1/me/score": "not_activated"}


def test_a_receipt_is_kept_by_the_citizen_and_checked_by_anyone(scored, sharing):
    receipt = scored.get(f"/me/authorizations/{sharing.id}/receipt").get_json()

    def verdict(document):
        return scored.city.http.post("/api/v1/public/receipts/check", json=document).get_json()["verdict"]

    assert receipt["issuer"] == "桂城市公共信用信息中心"
    assert verdict(receipt) == "current"
    scored.delete(f"/me/authorizations/{sharing.id}")
    assert verdict(receipt) == "superseded"
    receipt["consent"]["purpose"] = "营销"
    assert verdict(receipt) == "forged"


def test_another_citizens_receipt_looks_as_if_it_did_not_exist(sharing, make_citizen):
    assert make_citizen().get(f"/me/authorizations/{sharing.id}/receipt").status_code == 404


def test_another_citizens_consent_looks_as_if_it_did_not_exist(sharing, make_citizen):
    stranger = make_citizen()

    for consent_id in (sharing.id, uuid4()):
        answer = stranger.delete(f"/me/authorizations/{consent_id}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "consent_not_found")


def test_a_look_by_consent_tells_the_terms_that_were_agreed_and_a_look_at_a_record_names_it(scored, sharing):
    record = scored.get("/me/records", category="court_judgment").get_json()["items"][0]
    with scored.city.database.transaction() as session:
        for detail in (
            {"consent": str(sharing.id)},
            {"about": f"record:{record['id']}"},
            {"record": record["id"]},
        ):
            record_access(
                session,
                subject_id=scored.id,
                actor=Actor(kind="partner", id="bank", name="桂城银行"),
                action="grade_read",
                basis="本人授权",
                purpose="信易贷授信",
                detail=detail,
                channel="partner_api",
                now=scored.city.clock(),
            )

    by_number, by_name, by_consent = scored.get("/me/ledger").get_json()["items"]
    assert by_consent["consent"] == {
        "id": str(sharing.id),
        "purpose": "信易贷授信",
        "data": ["信用等级"],
        "output": "信用等级，不含分数和记录",
        "frequency": None,
        "given_at": by_consent["consent"]["given_at"],
        "expires_at": "2026-04-02T02:00:00Z",
        "state": "given",
    }
    assert (by_name["what"], by_name["consent"]) == (f"记录“{record['title']}”", None)
    assert by_number["what"] == by_name["what"]


def test_the_dashboard_follows_the_recipients_deletion_after_a_withdrawal(scored, sharing):
    ended = scored.delete(f"/me/authorizations/{sharing.id}").get_json()
    assert ended["recipient_deletion"]["state"] == "waiting"
    scored.city.clock.advance(days=16)
    phone = scored.city.as_citizen(scored.id)
    seen = phone.get("/api/v1/me/authorizations").get_json()["items"]
    by_kind = {item["kind"]: item["recipient_deletion"] for item in seen}
    assert by_kind["activation"] is None
    assert by_kind["sharing"] == {
        "due_on": "2026-03-18", "state": "overdue", "confirmed_at": None, "statement": None
    }  # fmt: skip


def test_who_looked_comes_newest_first_in_plain_words_and_page_by_page(scored, make_citizen):
    stranger = make_citizen()
    with scored.city.database.transaction() as session:
        for number in range(3):
            record_access(
                session,
                subject_id=scored.id,
                actor=Actor(kind="partner", id=str(uuid4()), name=f"桂城图书馆{number}"),
                action="benefit_checked",
                basis="本人当场出示凭码",
                purpose="信易阅：免押金借书",
                detail={"scheme": "reading", "told": "符合"},
                channel="partner_api",
                now=scored.city.clock(),
            )

    first = scored.get("/me/ledger", limit=2).get_json()
    second = scored.get("/me/ledger", limit=2, cursor=first["next_cursor"]).get_json()

    assert [entry["who"] for entry in first["items"]] == ["桂城图书馆2", "桂城图书馆1"]
    assert [entry["who"] for entry in second["items"]] == ["桂城图书馆0"]
    assert second["next_cursor"] is None
    entry = first["items"][0]
    assert entry["action_name"] == "核验信易+权益资格"
    assert entry["what"] == "告知结果：符合"
    assert (entry["who_kind"], entry["basis"], entry["purpose"]) == (
        "partner",
        "本人当场出示凭码",
        "信易阅：免押金借书",
    )
    assert stranger.get("/me/ledger").get_json()["items"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/me/activation", {"notice_version": "2026-11", "agreed": True}),
        ("delete", "/me/activation", None),
        ("post", "/me/codes", {}),
        ("post", "/me/objections", {"record_id": 1, "grounds": "理由充分"}),
        ("delete", f"/me/authorizations/{NOBODYS}", None),
        ("post", f"/me/authorizations/{NOBODYS}/decision", {"agreed": False}),
        ("post", f"/me/authorizations/{NOBODYS}/pause", None),
        ("post", f"/me/authorizations/{NOBODYS}/resumption", None),
        ("post", f"/me/authorizations/{NOBODYS}/reconfirmation", None),
        ("post", f"/me/objections/{NOBODYS}/withdrawal", None),
        ("post", f"/me/objections/{NOBODYS}/statement", {"statement": "我的声明"}),
        ("delete", "/sign-in", None),
    ],
)
def test_every_request_that_acts_needs_an_idempotency_key(citizen, method, path, body):
    call = getattr(citizen, method)
    arguments = (path, body) if method == "post" else (path,)

    answer = call(*arguments, headers={"Idempotency-Key": ""})

    assert (answer.status_code, answer.get_json()["code"]) == (400, "idempotency_key_missing")

from __future__ import annotations

import copy
import json
from typing import get_args

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import text

from backend.authorizations.end_reasons import EndReason, end_reason_in_words
from backend.authorizations.errors import ConsentNotFound
from backend.authorizations.models import ConsentEvent
from backend.authorizations.receipts import FORMAT, check_receipt, digest_of_receipt, receipt_of
from backend.authorizations.service import apply_event, pause_consent
from tests.backend.authorizations.test_consents import ask, decide, share
from tests.backend.ledger.tampering import drop_triggers
from tests.factories import add_person

SIGNING_KEY = b"s" * 32


def receipt_for(session, consent, now):
    receipt = receipt_of(
        session,
        subject_id=consent.subject_id,
        consent_id=consent.id,
        issuer="桂城市公共信用信息中心",
        signing_key=SIGNING_KEY,
        now=now,
    )
    # As it comes back from a file that the citizen kept.
    return json.loads(json.dumps(receipt, ensure_ascii=False))


def verdict(session, receipt):
    return check_receipt(session, receipt, signing_key=SIGNING_KEY)


def test_anyone_can_check_a_receipt_with_our_public_key_alone(session, keys, now):
    receipt = receipt_for(session, share(session, add_person(session, keys), now), now)
    public_key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(receipt.pop("public_key")))
    signature, digest = bytes.fromhex(receipt.pop("signature")), receipt.pop("digest")
    assert digest_of_receipt(receipt).hex() == digest
    public_key.verify(signature, FORMAT.encode() + bytes.fromhex(digest))


def test_a_receipt_names_both_sides_the_purpose_the_data_the_term_and_what_happened(session, keys, now):
    receipt = receipt_for(session, share(session, add_person(session, keys), now), now)
    assert receipt["consent"] | {"id": ""} == {
        "id": "",
        "kind": "sharing",
        "recipient": "桂城银行",
        "purpose": "申请信用贷款",
        "data": ["信用等级"],
        "output": "信用等级，不含分数和记录",
        "mode": "until_expiry",
        "frequency_most": None,
        "frequency_days": None,
        "notice_version": "2026-11",
        "requested_at": "2026-03-03T02:00:00+00:00",
        "expires_at": "2026-04-02T02:00:00+00:00",
    }
    assert [event["event"] for event in receipt["events"]] == ["give"]


def test_a_receipt_is_current_until_something_more_happens(session, keys, now):
    consent = ask(session, add_person(session, keys), now)
    of_request = receipt_for(session, consent, now)
    assert verdict(session, of_request) == "current"
    decide(session, consent, now)
    given = receipt_for(session, consent, now)
    assert (verdict(session, of_request), verdict(session, given)) == ("superseded", "current")
    pause_consent(session, subject_id=consent.subject_id, consent_id=consent.id, now=now)
    assert verdict(session, given) == "superseded"


def test_a_receipt_says_why_a_consent_ended_that_its_giver_did_not_end(session, keys, now):
    consent = share(session, add_person(session, keys), now)
    apply_event(session, consent, "withdraw", actor="system", now=now, because="approval_ended")
    receipt = receipt_for(session, consent, now)
    assert [event.get("reason") for event in receipt["events"]] == [None, "对方不再获准取得这类信息，授权随之终止"]
    assert verdict(session, receipt) == "current"


def test_every_reason_for_an_end_is_told_in_words():
    told = [end_reason_in_words(ConsentEvent(detail={"because": reason})) for reason in get_args(EndReason)]
    assert None not in told
    assert len(set(told)) == len(told)


def test_a_receipt_from_before_reasons_were_told_is_still_good(session, keys, now, monkeypatch):
    consent = share(session, add_person(session, keys), now)
    apply_event(session, consent, "withdraw", actor="system", now=now, because="approval_ended")
    with monkeypatch.context() as earlier:
        earlier.setattr("backend.authorizations.receipts.end_reason_in_words", lambda event: None)
        receipt = receipt_for(session, consent, now)
    assert "reason" not in receipt["events"][-1]
    assert verdict(session, receipt) == "current"


@pytest.mark.parametrize(
    "change",
    [
        lambda receipt: receipt["consent"].update(purpose="营销"),
        lambda receipt: receipt["events"].pop(),
        lambda receipt: receipt.update(issuer="某市"),
        lambda receipt: receipt.update(signature="00" * 64),
        lambda receipt: receipt.update(signature="不是十六进制"),
        lambda receipt: receipt.update(digest="00" * 32),
        lambda receipt: receipt.pop("consent"),
        lambda receipt: receipt.update(extra="多出的内容"),
    ],
)
def test_a_receipt_that_was_changed_is_told_to_be_forged(session, keys, now, change):
    receipt = receipt_for(session, share(session, add_person(session, keys), now), now)
    assert verdict(session, receipt) == "current"
    changed = copy.deepcopy(receipt)
    change(changed)
    assert verdict(session, changed) == "forged"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE consents SET purpose = '营销'",
        "UPDATE consent_events SET actor = 'system'",
        "DELETE FROM consent_events",
    ],
)
def test_when_what_we_have_was_tampered_with_the_citizens_receipt_shows_it(session, keys, now, statement):
    receipt = receipt_for(session, share(session, add_person(session, keys), now), now)
    drop_triggers(session)
    session.execute(text(statement))
    session.expire_all()
    assert verdict(session, receipt) == "differs"


def test_another_citizens_receipt_looks_as_if_it_did_not_exist(session, keys, now):
    consent = share(session, add_person(session, keys), now)
    with pytest.raises(ConsentNotFound):
        receipt_of(
            session,
            subject_id=add_person(session, keys).id,
            consent_id=consent.id,
            issuer="桂城市",
            signing_key=SIGNING_KEY,
            now=now,
        )

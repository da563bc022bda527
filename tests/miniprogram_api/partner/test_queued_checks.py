"""A counter without a network scans first and asks later, signed; and statements over HTTP."""

from __future__ import annotations

from backend.benefits.queued_checks import sign_scan
from backend.partners.keys import generate_private_jwk


def later_check(counter, code, *, proof, token=None):
    body = {"code": code, "scheme": "pool_ticket", "scan_proof": proof}
    return counter.post("/checks", body, token=token)


def scan(counter, code, **changes):
    facts = {"code": code, "scheme_code": "pool_ticket", "scanned_at": counter.city.clock(), **changes}
    return sign_scan(changes.pop("by", counter.private), **{k: v for k, v in facts.items() if k != "by"})


def test_a_check_that_waited_is_answered_when_it_was_scanned_in_time(counter):
    code = counter.code_of(counter.customer())
    counter.city.clock.advance(seconds=30)
    proof = scan(counter, code)
    counter.city.clock.advance(minutes=9)
    answer = later_check(counter, code, proof=proof)
    assert (answer.status_code, answer.json["eligible"]) == (201, True)
    # And it is used up.
    assert later_check(counter, code, proof=proof).json["code"] == "code_not_valid"


def test_a_stale_check_is_refused_and_says_so(counter):
    code = counter.code_of(counter.customer())
    proof = scan(counter, code)
    counter.city.clock.advance(minutes=10, seconds=1)
    answer = later_check(counter, code, proof=proof)
    assert (answer.status_code, answer.json["code"], answer.json["minutes"]) == (422, "queued_check_stale", 10)


def test_a_code_scanned_after_its_minute_is_not_valid(counter):
    code = counter.code_of(counter.customer())
    counter.city.clock.advance(seconds=61)
    assert later_check(counter, code, proof=scan(counter, code)).json["code"] == "code_not_valid"


def test_without_a_proof_an_old_code_is_not_valid_although_it_is_kept(counter):
    code = counter.code_of(counter.customer())
    counter.city.clock.advance(seconds=61)
    answer = counter.post("/checks", {"code": code, "scheme": "pool_ticket"})
    assert answer.json["code"] == "code_not_valid"


def test_a_proof_for_another_code_scheme_key_or_moment_is_refused(counter):
    code = counter.code_of(counter.customer())
    later = counter.city.clock().replace(hour=12)
    stranger = generate_private_jwk()
    for proof in (
        scan(counter, "OTHER"),
        scan(counter, code, scheme_code="other_scheme"),
        scan(counter, code, scanned_at=later),
        sign_scan(stranger, code=code, scheme_code="pool_ticket", scanned_at=counter.city.clock()),
        "not.a.proof",
    ):
        assert later_check(counter, code, proof=proof).json["code"] == "queued_check_not_signed"
    # None of them has used the code up.
    assert later_check(counter, code, proof=scan(counter, code)).status_code == 201


def test_a_partner_reads_its_statement_and_its_file(open_counter):
    counter = open_counter(
        settlement="per_use",
        tiers=[{"code": "free", "name": "免费", "terms": {"summary": "免费入场", "amount_cents": 2000}}],
    )
    token = counter.token()
    check = counter.check(counter.customer(), token=token)
    counter.post("/redemptions", {"check_id": check.json["check_id"]}, token=token)
    period = "first=2026-03-01&last=2026-03-31"
    answer = counter.get(f"/settlements?{period}", token=token)
    assert (answer.status_code, answer.json["settled_cents"], len(answer.json["lines"])) == (200, 2000, 1)
    other = open_counter("guicheng-other", scheme="pool_ticket")
    assert other.get(f"/settlements?{period}").json["settled_cents"] == 0
    file = counter.get(f"/settlements/file?{period}&format=csv", token=token)
    assert file.get_data().decode("utf-8-sig").splitlines()[-1].endswith("20.00")
    assert "attachment" in file.headers["Content-Disposition"]
    backwards = counter.get("/settlements?first=2026-03-31&last=2026-03-01", token=token)
    assert (backwards.status_code, backwards.json["code"]) == (422, "period_invalid")

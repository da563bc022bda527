"""What a partner is told, and that it is told nothing else."""

from __future__ import annotations

from backend.authorizations.service import withdraw_consent
from backend.notifications.service import Recipient, notify
from backend.partners.service import find_partner
from tests.factories import share_grade


def test_a_partner_reads_its_own_messages_and_marks_them_read(city, open_counter):
    pool = open_counter()
    with city.database.transaction() as session:
        for code in ("guicheng-pool", "guicheng-bank"):
            notify(
                session,
                Recipient(partner_code=code),
                kind="earlier_answer_corrected",
                title="此前一次答复所依据的数据已更正",
                body="如仍需要请重新查询。",
                about="check:1",
                now=city.clock(),
            )
    page = pool.get("/notifications").json
    assert (len(page["items"]), page["unread"]) == (1, 1)
    assert pool.post("/notifications/reading", {"up_to_id": page["items"][0]["id"]}).json == {"unread": 0}


def test_a_token_without_the_scope_reads_none(open_counter):
    pool = open_counter()
    answer = pool.get("/notifications", token=pool.token(scope="benefit:check"))
    assert (answer.status_code, answer.json["code"]) == (403, "scope_missing")


def test_a_recipient_confirms_over_its_own_interface_that_it_has_deleted(city, open_counter):
    pool = open_counter()
    citizen = pool.customer()
    with city.database.transaction() as session:
        consent = share_grade(session, citizen, find_partner(session, "guicheng-pool"), city.clock())
        withdraw_consent(session, subject_id=citizen.id, consent_id=consent.id, now=city.clock())
    [asked] = pool.get("/deletions").json["items"]
    assert (asked["consent_id"], asked["data"], asked["overdue"]) == (str(consent.id), ["信用等级"], False)

    path = f"/deletions/{consent.id}/confirmation"
    assert pool.post(path, {"statement": "删"}).status_code == 422
    assert pool.post(path, {"statement": "已从会员系统删除"}).status_code == 200
    again = pool.post(path, {"statement": "已从会员系统删除"})
    assert (again.status_code, again.json["code"]) == (409, "deletion_already_confirmed")
    assert pool.get("/deletions").json["items"] == []
    auditor = city.as_officer("auditor")
    confirmed = auditor.get("/api/v1/admin/recipient-deletions?state=confirmed").json["items"]
    assert [one["statement"] for one in confirmed] == ["已从会员系统删除"]
    assert auditor.get("/api/v1/admin/recipient-deletions").json["items"] == []
    assert city.as_officer("score_officer").get("/api/v1/admin/recipient-deletions").status_code == 403

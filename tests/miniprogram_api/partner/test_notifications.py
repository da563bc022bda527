"""What a partner is told, and that it is told nothing else."""

from __future__ import annotations

from backend.notifications.service import Recipient, notify


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

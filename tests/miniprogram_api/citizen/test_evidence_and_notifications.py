from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from backend.notifications.service import Recipient, notify


def photo() -> bytes:
    out = BytesIO()
    Image.new("RGB", (60, 40), "red").save(out, "PNG")
    return out.getvalue()


def upload(citizen, content, name="凭证.png", **options):
    return citizen.phone.post("/api/v1/me/evidence", data={"file": (BytesIO(content), name)}, **options)


@pytest.fixture
def another_citizen(make_citizen):
    return make_citizen()


def test_an_upload_is_kept_clean_and_only_its_owner_downloads_it(citizen, another_citizen):
    answer = upload(citizen, photo())
    assert answer.status_code == 201, answer.get_json()
    kept = answer.get_json()
    assert (kept["media_type"], kept["pages"], kept["filename"]) == ("image/jpeg", 1, "凭证.png")
    mine = citizen.get(f"/me/evidence/{kept['id']}")
    assert mine.data[:2] == b"\xff\xd8"
    assert mine.headers["Content-Disposition"].startswith("attachment")
    assert mine.headers["X-Content-Type-Options"] == "nosniff"
    assert mine.headers["Cache-Control"] == "no-store"
    assert another_citizen.get(f"/me/evidence/{kept['id']}").status_code == 404


def test_a_program_with_the_name_of_a_photo_is_refused(citizen):
    answer = upload(citizen, b"MZ\x90\x00", "photo.jpg")
    assert (answer.status_code, answer.get_json()["code"]) == (422, "evidence_kind_refused")


def test_an_upload_without_a_file_is_told_what_is_missing(citizen):
    answer = citizen.phone.post("/api/v1/me/evidence", data={})
    assert answer.status_code == 422
    assert "file" in str(answer.get_json()["errors"])


def test_a_citizen_reads_what_they_were_told_and_marks_it_read(citizen, another_citizen):
    with citizen.city.database.transaction() as session:
        for number in range(3):
            notify(
                session,
                Recipient(subject_id=citizen.id),
                kind="objection_answered",
                title=f"异议已答复 {number}",
                body="请查看",
                about="objection:1",
                now=citizen.city.clock(),
            )
    first = citizen.get("/me/notifications", limit=2).get_json()
    assert [item["title"] for item in first["items"]] == ["异议已答复 2", "异议已答复 1"]
    assert first["unread"] == 3
    rest = citizen.get("/me/notifications", limit=2, cursor=first["next_cursor"]).get_json()
    assert [item["title"] for item in rest["items"]] == ["异议已答复 0"]
    marked = citizen.post("/me/notifications/reading", {"up_to_id": first["items"][1]["id"]})
    assert marked.get_json() == {"unread": 1}
    assert another_citizen.get("/me/notifications").get_json()["items"] == []

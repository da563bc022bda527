from __future__ import annotations

import os
from datetime import timedelta
from io import BytesIO

import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from backend.evidence import cleansing
from backend.evidence.cleansing import MOST_PAGES, cleanse, display_name
from backend.evidence.errors import (
    EvidenceKindRefused,
    EvidenceNotFound,
    EvidenceTooLarge,
    EvidenceTooMany,
    EvidenceTooManyPages,
    EvidenceUnreadable,
)
from backend.evidence.models import EvidenceFile
from backend.evidence.service import (
    MOST_FILES,
    EvidenceStore,
    attach_evidence,
    evidence_of,
    forget_unused_evidence,
    get_evidence,
    keep_evidence,
)
from tests.factories import add_person


def photo(kind: str = "JPEG", **options: object) -> bytes:
    out = BytesIO()
    Image.new("RGB", (60, 40), "red").save(out, kind, **options)
    return out.getvalue()


def pdf(pages: int = 1) -> bytes:
    out = BytesIO()
    first, *rest = [Image.new("RGB", (50, 50), "white") for _ in range(pages)]
    first.save(out, "PDF", save_all=True, append_images=rest)
    return out.getvalue()


@pytest.fixture
def store(tmp_path, keys):
    return EvidenceStore(tmp_path / "evidence", keys)


@pytest.fixture
def citizen(session, keys):
    return add_person(session, keys)


def keep(session, store, citizen, now, content=None, filename="缴费凭证.jpg"):
    return keep_evidence(
        session,
        store,
        subject_id=citizen.id,
        filename=filename,
        content=content or photo(),
        uploaded_by="本人",
        now=now,
    )


def test_a_photo_loses_where_and_with_what_it_was_taken_and_whatever_was_appended():
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    clean = cleanse(photo(exif=exif.tobytes()) + b"<script>alert(1)</script>")
    assert clean.media_type == "image/jpeg"
    assert b"SecretCamera" not in clean.content
    assert b"<script>" not in clean.content
    assert not Image.open(BytesIO(clean.content)).getexif()


def test_a_photo_taken_sideways_is_stored_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert Image.open(BytesIO(cleanse(photo(exif=exif.tobytes())).content)).size == (40, 60)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_every_allowed_kind_of_photo_is_stored_as_jpeg(kind):
    assert Image.open(BytesIO(cleanse(photo(kind)).content)).format == "JPEG"


def test_the_pages_of_a_pdf_are_kept_and_its_programs_are_not():
    document = pypdfium2.PdfDocument.new()
    document.new_page(200, 300)
    document.new_page(200, 300)
    out = BytesIO()
    document.save(out)
    armed = out.getvalue().replace(b"/Type/Catalog", b"/Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>")
    assert b"JavaScript" in armed
    clean = cleanse(armed)
    assert (clean.media_type, clean.pages) == ("application/pdf", 2)
    assert b"JavaScript" not in clean.content
    assert len(pypdfium2.PdfDocument(clean.content)) == 2


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"MZ\x90\x00 a program", EvidenceKindRefused),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", EvidenceKindRefused),
        (b"", EvidenceKindRefused),
        (photo()[:200], EvidenceUnreadable),
        (b"%PDF-1.7 and nothing else", EvidenceUnreadable),
        (pdf(MOST_PAGES + 1), EvidenceTooManyPages),
        (b"\xff\xd8\xff" + bytes(11 * 1024 * 1024), EvidenceTooLarge),
    ],
)
def test_what_is_no_readable_photo_or_pdf_is_refused(content, refusal):
    with pytest.raises(refusal):
        cleanse(content)


def test_a_picture_of_more_pixels_than_a_page_needs_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(cleansing, "MOST_PIXELS", 1_000)
    with pytest.raises(EvidenceUnreadable):
        cleanse(photo("PNG"))


@given(st.text(max_size=200))
def test_a_shown_name_never_leads_anywhere_or_hides_its_ending(filename):
    shown = display_name(filename)
    assert 1 <= len(shown) <= 80
    assert not set(shown) & set('/\\"<>|:*?')
    assert shown.isprintable()


def test_what_lies_on_the_disk_cannot_be_read_without_the_key(session, store, citizen, now):
    file = keep(session, store, citizen, now)
    [path] = store.folder.glob("??/*")
    assert b"JFIF" not in path.read_bytes()
    assert store.get(file.storage_name)[:2] == b"\xff\xd8"


def test_evidence_belongs_to_one_case_of_its_owner(session, store, citizen, keys, now):
    file = keep(session, store, citizen, now)
    stranger = add_person(session, keys)
    with pytest.raises(EvidenceNotFound):
        attach_evidence(session, subject_id=stranger.id, case="objection:1", evidence_ids=[file.id])
    attach_evidence(session, subject_id=citizen.id, case="objection:1", evidence_ids=[file.id])
    assert [each.id for each in evidence_of(session, "objection:1")] == [file.id]
    with pytest.raises(EvidenceNotFound):
        attach_evidence(session, subject_id=citizen.id, case="repair:2", evidence_ids=[file.id])
    with pytest.raises(EvidenceNotFound):
        get_evidence(session, file.id, subject_id=stranger.id)
    with pytest.raises(EvidenceNotFound):
        get_evidence(session, file.id, case="repair:2")


def test_a_case_takes_no_more_files_than_an_officer_can_read(session, store, citizen, now):
    files = [keep(session, store, citizen, now) for _ in range(MOST_FILES + 1)]
    attach_evidence(
        session, subject_id=citizen.id, case="objection:1", evidence_ids=[file.id for file in files[:-1]]
    )
    with pytest.raises(EvidenceTooMany):
        attach_evidence(session, subject_id=citizen.id, case="objection:1", evidence_ids=[files[-1].id])


def test_what_no_case_took_up_within_a_day_is_removed_and_what_one_did_stays(session, store, citizen, now):
    used, unused = keep(session, store, citizen, now), keep(session, store, citizen, now)
    attach_evidence(session, subject_id=citizen.id, case="objection:1", evidence_ids=[used.id])
    assert forget_unused_evidence(session, store, now=now + timedelta(hours=23)) == 0
    assert forget_unused_evidence(session, store, now=now + timedelta(hours=25)) == 1
    assert session.get(EvidenceFile, unused.id) is None
    assert store.get(used.storage_name)
    with pytest.raises(FileNotFoundError):
        store.get(unused.storage_name)


def test_a_sealed_file_that_no_row_knows_is_removed_after_a_day(session, store, citizen, now):
    known, lost = keep(session, store, citizen, now).storage_name, store.put(b"its transaction failed")
    attach_evidence(
        session,
        subject_id=citizen.id,
        case="objection:1",
        evidence_ids=[each.id for each in session.query(EvidenceFile)],
    )
    for path in store.folder.glob("??/*"):
        os.utime(path, (now.timestamp(), now.timestamp()))
    forget_unused_evidence(session, store, now=now + timedelta(hours=25))
    assert store.get(known)
    with pytest.raises(FileNotFoundError):
        store.get(lost)

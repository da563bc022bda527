"""Files in answers: always downloaded, never run or shown by the browser as part of our pages."""

from __future__ import annotations

from io import BytesIO
from uuid import UUID

from flask import Response, send_file
from flask_smorest.fields import Upload
from marshmallow import Schema
from sqlalchemy.orm import Session

from backend.evidence.service import get_evidence
from backend.web.context import services


class EvidenceUpload(Schema):
    file = Upload(required=True, metadata={"description": "照片（JPEG、PNG、WebP）或 PDF，单个不超过 10 MB"})


def attachment(content: bytes, *, filename: str, media_type: str) -> Response:
    """An answer that is saved under `filename`; personal until a view says otherwise."""
    response = send_file(
        BytesIO(content), mimetype=media_type, as_attachment=True, download_name=filename, etag=False
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def case_file(session: Session, case: str, evidence_id: UUID) -> Response:
    """A file handed in with that case (`kind:id`). Raises EvidenceNotFound for a file of another case."""
    file = get_evidence(session, evidence_id, case=case)
    content = services().evidence.get(file.storage_name)
    return attachment(content, filename=file.filename, media_type=file.media_type)

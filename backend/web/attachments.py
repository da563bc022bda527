"""Files in answers: always downloaded, never run or shown by the browser as part of our pages."""

from __future__ import annotations

from io import BytesIO

from flask import Response, send_file


def attachment(content: bytes, *, filename: str, media_type: str) -> Response:
    """An answer that is saved under `filename`; personal until a view says otherwise."""
    response = send_file(
        BytesIO(content), mimetype=media_type, as_attachment=True, download_name=filename, etag=False
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response

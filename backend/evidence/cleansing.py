"""Making a harmless file out of whatever was uploaded: the picture is kept, everything around it is not.

The kind is told from the content. Photos are decoded and encoded anew, which drops location, camera and anything
appended (a file that is a picture and a program at once); of a PDF the pages are drawn and put together again, so
no script, form, link or attachment survives.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePath

import filetype
import pypdfium2
from PIL import Image, ImageOps

from backend.evidence.errors import EvidenceKindRefused, EvidenceTooLarge, EvidenceTooManyPages, EvidenceUnreadable

LARGEST_MEGABYTES = 10
MOST_PAGES = 20
LONGEST_SIDE = 3_000
"""Pixels: an A4 page in photo or scan stays legible, a 100-megapixel bomb does not get in."""
MOST_PIXELS = 60_000_000
_PDF_SCALE = 150 / 72
_IMAGES = {"image/jpeg", "image/png", "image/webp"}
_JPEG_QUALITY = 85
_LONGEST_NAME = 80


@dataclass(frozen=True)
class CleanFile:
    media_type: str
    content: bytes
    pages: int


def cleanse(content: bytes) -> CleanFile:
    """Raises EvidenceTooLarge, EvidenceKindRefused, EvidenceTooManyPages or EvidenceUnreadable."""
    if len(content) > LARGEST_MEGABYTES * 1024 * 1024:
        raise EvidenceTooLarge(LARGEST_MEGABYTES)
    media_type = filetype.guess_mime(content)
    if media_type in _IMAGES:
        return CleanFile("image/jpeg", _redrawn_image(content), 1)
    if media_type == "application/pdf":
        return _redrawn_pdf(content)
    raise EvidenceKindRefused


def display_name(filename: str) -> str:
    """The last part of the name as sent, without what could deceive in a list or a header."""
    name = PurePath(filename.replace("\\", "/")).name
    kept = "".join(char for char in name if char.isprintable() and char not in '"<>|:*?/')
    return kept.strip(" .")[-_LONGEST_NAME:] or "材料"


def _redrawn_image(content: bytes) -> bytes:
    try:
        with Image.open(BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise EvidenceUnreadable
            upright = ImageOps.exif_transpose(opened)
            return _jpeg(upright)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise EvidenceUnreadable from None


def _redrawn_pdf(content: bytes) -> CleanFile:
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError:
        raise EvidenceUnreadable from None
    try:
        pages = len(document)
        if pages > MOST_PAGES:
            raise EvidenceTooManyPages(MOST_PAGES)
        if pages == 0:
            raise EvidenceUnreadable
        drawn = []
        for page in document:
            width, height = page.get_size()
            scale = min(_PDF_SCALE, LONGEST_SIDE / max(width, height, 1))
            drawn.append(page.render(scale=scale).to_pil().convert("RGB"))
    except pypdfium2.PdfiumError:
        raise EvidenceUnreadable from None
    finally:
        document.close()
    out = BytesIO()
    drawn[0].save(out, "PDF", save_all=True, append_images=drawn[1:], resolution=150, quality=_JPEG_QUALITY)
    return CleanFile("application/pdf", out.getvalue(), pages)


def _jpeg(image: Image.Image) -> bytes:
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    if image.mode in ("RGBA", "LA", "PA", "P"):
        # What is transparent would turn black.
        layered = image.convert("RGBA")
        flat = Image.new("RGB", layered.size, "white")
        flat.paste(layered, mask=layered.getchannel("A"))
        image = flat
    out = BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return out.getvalue()

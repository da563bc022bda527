"""Refusals of evidence files."""

from __future__ import annotations

from backend.errors import NotFound, Refused


class EvidenceNotFound(NotFound):
    code = "evidence_not_found"

    def __init__(self) -> None:
        super().__init__("没有这份材料，或者它不属于您，或者已用于另一项申请。请重新上传。")


class EvidenceTooLarge(Refused):
    code = "evidence_too_large"

    def __init__(self, megabytes: int) -> None:
        super().__init__(
            f"单个文件不能超过 {megabytes} MB。请压缩照片或拆分文件后重新上传。", most_megabytes=megabytes
        )


class EvidenceKindRefused(Refused):
    code = "evidence_kind_refused"

    def __init__(self) -> None:
        super().__init__("只能上传照片（JPEG、PNG、WebP）或 PDF 文件；系统按文件内容识别，改扩展名没有用。")


class EvidenceUnreadable(Refused):
    code = "evidence_unreadable"

    def __init__(self) -> None:
        super().__init__("这个文件打不开：可能已损坏、带有密码或尺寸过大。请重新拍照或另存后再上传。")


class EvidenceTooManyPages(Refused):
    code = "evidence_too_many_pages"

    def __init__(self, most: int) -> None:
        super().__init__(f"PDF 最多 {most} 页。请只保留与申请有关的页面。", most_pages=most)


class EvidenceTooMany(Refused):
    code = "evidence_too_many"

    def __init__(self, most: int) -> None:
        super().__init__(f"每项申请最多附 {most} 份材料。", most_files=most)

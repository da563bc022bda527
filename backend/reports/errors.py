"""Refusals of credit reports."""

from __future__ import annotations

from backend.errors import Conflict, NotFound, Refused, Unavailable


class ReportNotFound(NotFound):
    """Also the answer when the report is someone else's."""

    code = "report_not_found"

    def __init__(self) -> None:
        super().__init__("没有这份信用报告，或者它不属于您。请在“信用报告”里查看您出具过的报告。")


class ReportFileGone(Conflict):
    """The file was deleted after its term, or blocked with the consent it rested on."""

    code = "report_file_gone"

    def __init__(self) -> None:
        super().__init__("这份报告已过有效期，或您已停用信用分，文件不再提供。需要时请重新出具一份。")


class NoReportForThisSubject(Refused):
    """Non-enterprise organisations (government bodies, public institutions) have no report here."""

    code = "no_report_for_this_subject"

    def __init__(self) -> None:
        super().__init__("信用报告只为自然人和企业出具。")


class NoLongerEvaluated(Conflict):
    """An enterprise that is deregistered or merged gets no evaluation any more."""

    code = "no_longer_evaluated"

    def __init__(self) -> None:
        super().__init__(
            "这家企业已注销、吊销或者合并，不再作公共信用综合评价。可以出具不含综合评价的报告，效力相同。"
        )


class EvaluationMissing(Conflict):
    code = "evaluation_missing"

    def __init__(self) -> None:
        super().__init__(
            "这家企业的公共信用综合评价还没有算出。可以先出具不含综合评价的报告，或者等下一次评价发布后再来。"
        )


class NotYourEnterprise(NotFound):
    """Whoever is not the legal representative today; whether the enterprise exists is not told."""

    code = "not_your_enterprise"

    def __init__(self) -> None:
        super().__init__("只有企业现任法定代表人可以出具企业信用报告。请核对统一社会信用代码，或先办理变更登记。")


class ScoreBeingRecomputed(Conflict):
    code = "score_being_recomputed"

    def __init__(self) -> None:
        super().__init__("您的记录刚有变化，信用分正在重新计算。请过几秒再出具，以免报告与记录不一致。")


class ReportSigningNotConfigured(Unavailable):
    code = "report_signing_not_configured"

    def __init__(self) -> None:
        super().__init__("本系统尚未配置信用报告的签名证书，暂时不能出具报告，请联系信用办。")


class ReportFontMissing(Unavailable):
    """A font or a glyph is missing: a report with empty boxes is worse than none."""

    code = "report_font_missing"

    def __init__(self, what: str) -> None:
        super().__init__(f"报告所需的字体缺失（{what}），不能出具报告，请联系信用办安装字体后再试。")

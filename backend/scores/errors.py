from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from backend.errors import Conflict, NotFound, Refused


class NotActivated(Conflict):
    code = "not_activated"

    def __init__(self) -> None:
        super().__init__("您还没有开通信用分。开通后才会计算和展示；不开通不影响办理其他事项。")


class NoScoreYet(NotFound):
    code = "no_score_yet"

    def __init__(self) -> None:
        super().__init__("您的信用分正在计算，通常几秒钟内完成，请稍后刷新。")


class RunNotFound(NotFound):
    code = "run_not_found"

    def __init__(self) -> None:
        super().__init__("没有找到这次评分运行，请回到列表刷新后再看。")


class NoPolicyInForce(Refused):
    code = "no_policy_in_force"

    def __init__(self, subject_kind: str, on: date) -> None:
        super().__init__(
            f"{on:%Y-%m-%d} 没有适用于该类主体的评分方案在施行，请先采用一个评分方案。", subject_kind=subject_kind
        )


class PolicyDoesNotFitCatalogue(Refused):
    code = "policy_does_not_fit_catalogue"

    def __init__(self, problems: list[str]) -> None:
        super().__init__(f"评分方案与现行公共信用信息目录不符：{'；'.join(problems)}", problems=problems)


class RunNotReady(Conflict):
    code = "run_not_ready"

    def __init__(self, state: str) -> None:
        super().__init__("这次评分运行还没有算完或已经失败，不能发布；已发布的分数保持不变。", state=state)


class PolicyFileNotReadable(Refused):
    code = "policy_file_not_readable"

    def __init__(self, path: str, reason: str, shipped: Sequence[str]) -> None:
        super().__init__(
            f"读不了评分方案 {path}：{reason}。请检查路径，或写随附方案的名字：{'、'.join(shipped)}。", path=path
        )


class PolicyBreaksRules(Refused):
    code = "policy_breaks_rules"

    def __init__(self, path: str, problems: list[str]) -> None:
        lines = "\n".join(problems)
        super().__init__(
            f"评分方案 {path} 有 {len(problems)} 处不合规则，没有采用，请逐条改正后重试：\n{lines}",
            path=path,
            problems=problems,
        )


class NothingToSimulateOn(Refused):
    code = "nothing_to_simulate_on"

    def __init__(self, subject_kind: str) -> None:
        super().__init__(
            "该类主体还没有已发布的评分，无从比较。请先完成一次评分（osmanthus scores run），再模拟调整。",
            subject_kind=subject_kind,
        )


class PricesOutOfOrder(Refused):
    code = "prices_out_of_order"

    def __init__(self) -> None:
        super().__init__(
            "调整后的分值自相矛盾：加分项不能扣分，扣分项不能加分，较高的一档不能反而少于较低的一档。"
        )


class UnknownIndicators(Refused):
    code = "unknown_indicators"

    def __init__(self, codes: Sequence[str]) -> None:
        super().__init__(f"现行方案没有这些指标：{'、'.join(codes)}。方案可能刚刚更换，请刷新页面后再试。")

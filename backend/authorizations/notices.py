"""The notices (告知书) that citizens agree to, by version. A changed text is a new version."""

from __future__ import annotations

from dataclasses import dataclass

DATA_NAMES = {
    "score": "信用分及其构成",
    "records": "公共信用信息目录内的本人记录",
    "eligibility": "是否符合某项信易+权益的条件（不含分数和记录）",
    "grade": "信用等级",
    "report": "信用报告",
}


@dataclass(frozen=True)
class Notice:
    """`controller` is the office that answers for the data."""

    version: str
    title: str
    controller: str
    purpose: str
    paragraphs: tuple[str, ...]


ACTIVATION_NOTICE = Notice(
    version="2026-11",
    title="信用分开通告知书",
    controller="市公共信用信息中心",
    purpose="计算和展示本人信用分，用于享受信易+权益",
    paragraphs=(
        "信用分由市公共信用信息中心计算，只用来让守信的市民享受更多便利和优惠。分数不公开，不用于拒绝或限制任何"
        "公共服务，也不会因此提高任何价格。",
        "计算只使用公共信用信息目录内、有明确依据的记录，例如志愿服务、无偿献血、合同履约、未履行的生效裁判。"
        "不收集宗教信仰、基因、指纹、血型、疾病和病史信息，也不使用民族、性别、婚姻状况、网络言论等信息。",
        "您可以随时查看分数、每一分的来源和对应的记录，对任何一条记录提出异议。异议处理期间，该记录不会降低您的分数。",
        "商户只能在您当场出示凭码时得知“符合”或“不符合”以及应给予的待遇，看不到您的分数和记录。其他单位要使用您的"
        "信息，须另外取得您的单独同意。谁查过您的信息，您都能在“谁查了我”中看到。",
        "是否开通由您自愿决定。不开通，或者开通后停用，都不影响您办理其他任何事项。停用后，分数立即删除，以此为基础的"
        "授权同时终止。",
    ),
)

WRITTEN_CONSENT_NOTICE = Notice(
    version="2026-11",
    title="特定信息单独书面同意书",
    controller="市公共信用信息中心",
    purpose="自主申报收入、存款、有价证券、商业保险、不动产或纳税数额信息",
    paragraphs=(
        "依照《征信业管理条例》第十四条，收入、存款、有价证券、商业保险、不动产和纳税数额信息，只有在明确告知您提供该信息可能"
        "产生的不利后果，并取得您的书面同意后才能采集。",
        "可能的不利后果：这些信息会成为您信用记录的一部分，由负责的部门核验，在您另行授权时可能提供给您授权的单位。不申报不会"
        "降低您的信用分。",
        "您可以随时撤回这项同意。撤回后，据此采集的信息立即停止使用。不同意或撤回都不影响您办理其他任何事项。",
    ),
)

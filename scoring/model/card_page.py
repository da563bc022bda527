"""The model card as one self-contained page for the committee that has to approve the model.

Nothing is loaded from elsewhere: styles and pictures are in the file, which can be printed, mailed and archived.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from scoring.model.additive import Term
from scoring.model.component import Component
from scoring.model.forest import MICRO
from scoring.model.plots import calibration_plot, drift_plot, effect_plot, importance_plot, roc_plot

_SHAPE_NAMES = {"additive": "相加型", "trees": "树型"}
_ORDER_NAMES = {
    "row order": "表中前一半与后一半",
    "time": "时间上较早与较晚的一半",
    "training table": "训练表与新表",
}

_STYLE = """
:root { color-scheme: light; --ink: #1f2a27; --quiet: #66706c; --line: #dfe3e1;
  --green: #1f6f5c; --warm: #b4532a; }
* { box-sizing: border-box; }
body { margin: 0; background: #f6f5f0; color: var(--ink); line-height: 1.7;
  font: 16px/1.7 "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Micro Hei", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; background: #fff; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.2rem; margin: 2.6rem 0 .6rem; color: var(--green); }
p { margin: .5rem 0; } .quiet { color: var(--quiet); font-size: .92rem; }
table { border-collapse: collapse; width: 100%; margin: .8rem 0; font-size: .92rem; }
th, td { text-align: left; padding: .4rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--quiet); font-weight: 500; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
tr.chosen td { background: #eef5f2; } .warn { color: var(--warm); }
code { font-size: .85em; word-break: break-all; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(21rem, 1fr)); gap: 1rem; }
figure { margin: 0; } figcaption { color: var(--quiet); font-size: .88rem; } svg { max-width: 100%; height: auto; }
.scroll { overflow-x: auto; } .tiers { columns: 2; column-gap: 2rem; } .tiers > div { break-inside: avoid; }
@media (max-width: 40rem) { .tiers { columns: 1; } main { padding: 1.5rem 1rem; } }
@media print { body { background: #fff; } main { padding: 0; max-width: none; } h2 { break-after: avoid; } }
"""


def card_page(component: Component, drift: Mapping[str, Any] | None = None) -> str:
    """The page as HTML. drift: what `drift_since_learning` told of a newer table, shown beside the card's own."""
    card = component.card
    sections = [
        _heading(component),
        _purpose(component),
        _quality(card),
        _pictures(card),
        _columns(component),
        _directions(card),
        _tiers(component) if component.shape == "additive" else _trees(component),
        _fairness(card),
        _drift(card["stability"], "稳定性"),
        _drift(drift, "与训练时相比") if drift else "",
        _notes(card),
    ]
    return (
        '<!doctype html>\n<html lang="zh-CN">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>模型卡：{escape(component.name)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(sections)
        + "\n</main>\n</body>\n</html>\n"
    )


def _heading(component: Component) -> str:
    training = component.training
    return (
        f"<h1>模型卡：{escape(component.name)}</h1>"
        f'<p class="quiet">{_SHAPE_NAMES[component.shape]}（{component.shape}）'
        f"· 学习目标 {escape(component.target)}"
        f"（{training['rows']:,} 行，其中结果发生 {training['outcomes']:,} 行，"
        f"{training['outcomes'] / training['rows']:.1%}）</p>"
        + _table(
            ["项目", "内容"],
            [
                ["模型标识", f"<code>{component.identity}</code>"],
                ["训练表指纹", f"<code>{training['fingerprint']}</code>"],
                [
                    "怎样学成",
                    f"{len(training['members'])} 种设置取平均，深度至多 {training['depth']}，"
                    f"共 {training['rounds']} 轮；平滑分档占 {training['smooth_share']:.0%}，"
                    f"加权分档占 {training.get('weighed_share', 0):.0%}；"
                    f"随机种子 {training['seed']}",
                ],
                ["版本", escape("，".join(f"{k} {v}" for k, v in training["versions"].items()))],
            ],
        )
    )


def _purpose(component: Component) -> str:
    who = (
        "可用于自然人和企业的评分方案：每个指标学到的分档可以逐项印出、写进方案，由评分内核按整数执行。"
        if component.shape == "additive"
        else "只用于企业评价和信用预警，不用于自然人。每个主体的整数结果由批量运行存储，有人询问时逐项精确拆分。"
    )
    return (
        f"<h2>用途与限度</h2><p>{who}</p>"
        "<p>模型只学习“此后结果是否发生”的统计规律，不认定任何人的品行。它对总分的影响由方案规定上限，"
        "上限为 0 即停用。从未见过的取值不加分也不减分。公平性检查所用的属性从不作为输入。</p>"
    )


def _quality(card: Mapping[str, Any]) -> str:
    def row(name: str, told: Mapping[str, Any], css: str = "") -> str:
        cells = "".join(
            f'<td class="number">{_interval(told[m], signed=css == "")}</td>' for m in ("auc", "ks", "brier")
        )
        return f'<tr class="{css}"><td>{name}</td>{cells}</tr>'

    rows = [row("本模型", card["quality"], "chosen")]
    rows += [row(_SHAPE_NAMES[shape], told, "shape") for shape, told in card["shapes"].items()]
    if card["baseline"]:
        rows.append(row("对照：WOE 评分卡", card["baseline"], "baseline"))
        rows.append(row("本模型减对照", card["above_baseline"]))
    chosen = "、".join(_SHAPE_NAMES[shape] for shape in card["chosen_in_folds"])
    return (
        "<h2>效果</h2><p>以下都在未参与学习的行上测得：嵌套交叉验证，每折只用其余各折选择轮数、深度和形状。"
        "括号内为 95% 区间。AUC、KS 越高越好，Brier 越低越好。</p>"
        '<div class="scroll"><table><thead><tr><th>模型</th><th class="number">AUC</th><th class="number">KS</th>'
        f'<th class="number">Brier</th></tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
        f'<p class="quiet">各折选中的形状：{chosen}。</p>'
    )


def _pictures(card: Mapping[str, Any]) -> str:
    return (
        '<div class="pictures">'
        + _figure(roc_plot(card["roc"]), "ROC：越靠左上越好，斜线是随机猜测。")
        + _figure(
            calibration_plot(card["calibration"]["bins"]),
            f"校准：点越靠近斜线，概率越可信。平均偏差 {card['calibration']['error']:.3f}。",
        )
        + "</div>"
    )


def _columns(component: Component) -> str:
    effects = "".join(_figure(effect_plot(effect), "") for effect in component.card["effects"])
    return (
        "<h2>各指标的影响</h2>"
        + _figure(
            importance_plot(component.card["importance"]), "每个指标对各行贡献绝对值的平均（精确 SHAP 值）。"
        )
        + "<p>下图每个点是一行：横轴为取值，纵轴为该指标对对数几率的贡献，"
        "向上表示结果更可能发生；叉号为空值。</p>"
        f'<div class="pictures">{effects}</div>'
    )


def _directions(card: Mapping[str, Any]) -> str:
    if not card["directions"]:
        return "<h2>方向</h2><p>没有声明方向。</p>"
    return "<h2>方向</h2><p>每棵树都经逐叶证明不违反声明；另以扫描复核：</p>" + _table(
        ["声明", "扫描步数", "违反"],
        [[escape(d["sentence"]), f"{d['steps']:,}", str(d["violations"])] for d in card["directions"]],
        numbers=(1, 2),
    )


def _tiers(component: Component) -> str:
    blocks = "".join(_term_block(component, term) for term in component.terms)
    return (
        "<h2>学到的分档</h2><p>下表就是模型的全部：把一个主体落入的各档相加，再加起点 "
        f"{component.constant / MICRO:+.3f}，即为对数几率。负数表示结果更不可能发生。</p>"
        f'<div class="tiers">{blocks}</div>'
    )


def _term_block(component: Component, term: Term) -> str:
    column = component.columns[term.column]
    if term.starts:
        names = [f"低于 {_short(term.starts[1])}" if len(term.starts) > 1 else "任何取值"]
        names += [
            f"{_short(start)} 起" + (f"，低于 {_short(term.starts[at + 2])}" if at + 2 < len(term.starts) else "")
            for at, start in enumerate(term.starts[1:])
        ]
    else:
        names = [escape(level) for level in column.levels]
    rows = [
        [name, f"{tier / MICRO:+.3f}", f"{rows:,}"]
        for name, tier, rows in zip(names, term.tiers, term.rows, strict=True)
    ]
    if term.missing:
        rows.append(["空值", f"{term.missing / MICRO:+.3f}", ""])
    return "<div>" + _table([escape(column.name), "贡献", "训练行数"], rows, numbers=(1, 2)) + "</div>"


def _trees(component: Component) -> str:
    forest = component.forest
    trees = 0 if forest is None else forest.trees
    used = 0 if forest is None else len(np.unique(forest.feature[forest.feature >= 0]))
    return (
        "<h2>结构</h2>"
        f"<p>{trees:,} 棵深度不超过 3 层的树，用到 {used} 个指标，叶值为百万分之一对数几率的整数；"
        "任何一行的总和与逐项贡献都是整数，逐项相加恰为总和。</p>"
    )


def _fairness(card: Mapping[str, Any]) -> str:
    if not card["fairness"]:
        return (
            "<h2>公平性</h2><p>没有提供审计属性（如年龄段、区县），因而未检查。"
            "学习时用 <code>--audit</code> 指明这些列；它们只用于检查，从不作为输入。</p>"
        )
    rows = []
    for told in card["fairness"]:
        mark = ' <span class="warn">区间不含 0</span>' if told["stands_out"] else ""
        rows.append(
            [
                f"{escape(told['attribute'])}：{escape(told['group'])}{mark}",
                f"{told['rows']:,}",
                "—" if told["opportunity"] is None else f"{told['opportunity']:.1%}",
                _difference(told["opportunity_difference"]),
                _difference(told["calibration_difference"]),
            ]
        )
    return (
        "<h2>公平性</h2><p>机会：结果没有发生的行中，被排在较好一半的比例，与全体相比的差。"
        "校准：预测概率减实际比例，与全体相比的差。括号内为 95% 区间。</p>"
        + _table(["组", "行数", "机会", "机会之差", "校准之差"], rows, numbers=(1, 2, 3, 4))
    )


def _drift(stability: Mapping[str, Any], title: str) -> str:
    moved = [one for one in stability["columns"] if one["reading"] != "稳定"]
    said = "需要留意：" + "、".join(escape(one["column"]) for one in moved) + "。" if moved else "各指标均稳定。"
    return (
        f"<h2>{title}</h2><p>比较{_ORDER_NAMES[stability['by']]}："
        f"总分 PSI {stability['psi']:.3f}（{stability['reading']}）。{said}</p>"
        + _figure(drift_plot(stability), "低于 0.10 稳定，0.10 至 0.25 留意，0.25 以上应先查明原因。")
    )


def _notes(card: Mapping[str, Any]) -> str:
    if not card["notes"]:
        return ""
    return "<h2>读表时的处理</h2><ul>" + "".join(f"<li>{escape(note)}</li>" for note in card["notes"]) + "</ul>"


def _figure(svg: str, caption: str) -> str:
    # Pictures repeat the same inner names; on one page each needs its own.
    own = hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>f{own}-", svg)
    words = re.sub(r"<[^>]+>", "", caption)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{escape(words or "指标影响图")}" ', 1)
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=number' if at in numbers else ''}>{cell}</{tag}>" for at, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    top = f"<thead><tr>{cells('th', head)}</tr></thead>"
    return f'<div class="scroll"><table>{top}<tbody>{body}</tbody></table></div>'


def _interval(told: Mapping[str, float], *, signed: bool) -> str:
    form = "+.4f" if signed else ".4f"
    return f"{told['mean']:{form}}<br><span class=quiet>（{told['low']:{form}} ~ {told['high']:{form}}）</span>"


def _difference(told: Mapping[str, float] | None) -> str:
    return "—" if told is None else f"{told['value']:+.3f}（{told['low']:+.3f} ~ {told['high']:+.3f}）"


def _short(number: float) -> str:
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:.4g}"

"""The four pictures of a model card, drawn by matplotlib as SVG that stands inside a page.

Text stays text, so the reader's own Chinese fonts are used and the words can be searched and read aloud.
"""

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scoring.model.drift import ALARM, WATCH
from scoring.model.errors import PartMissing

_INK, _QUIET, _FAINT = "#1f3a34", "#8a8f8d", "#dfe3e1"
_MODEL, _BASELINE, _WARM = "#1f6f5c", "#b98a2f", "#b4532a"
_CHINESE_FONTS = ("WenQuanYi Micro Hei", "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei")


def roc_plot(roc: Mapping[str, Any]) -> str:
    """True against false positives, the model beside the WOE scorecard."""

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=_FAINT, linewidth=1)
        if "baseline" in roc:
            axes.plot(*roc["baseline"], color=_BASELINE, linewidth=1.4, linestyle="--", label="WOE 评分卡")
        axes.plot(*roc["model"], color=_MODEL, linewidth=2, label="本模型")
        axes.set(xlabel="误报率", ylabel="命中率", xlim=(0, 1), ylim=(0, 1), aspect="equal")
        axes.legend(loc="lower right", frameon=False)

    return _svg(draw, (4.6, 4.4))


def calibration_plot(bins: Sequence[Mapping[str, float]]) -> str:
    """Stated probability against what happened, in ten equally filled groups."""
    top = max(0.05, *(max(b["probability"], b["outcome"]) for b in bins)) * 1.08

    def draw(axes: Any) -> None:
        axes.plot([0, top], [0, top], color=_FAINT, linewidth=1)
        axes.plot(
            [b["probability"] for b in bins], [b["outcome"] for b in bins], color=_MODEL, marker="o", markersize=5
        )
        axes.set(xlabel="预测概率", ylabel="实际比例", xlim=(0, top), ylim=(0, top), aspect="equal")

    return _svg(draw, (4.6, 4.4))


def importance_plot(importance: Sequence[Mapping[str, Any]]) -> str:
    """Mean size of each column's contribution, the largest first."""
    shown = [one for one in importance if one["mean_log_odds"] > 0][:15][::-1]

    def draw(axes: Any) -> None:
        axes.barh(
            [one["column"] for one in shown], [one["mean_log_odds"] for one in shown], color=_MODEL, height=0.62
        )
        axes.set(xlabel="平均影响（对数几率的绝对值）")

    return _svg(draw, (7.2, 0.34 * len(shown) + 1.1))


def effect_plot(effect: Mapping[str, Any]) -> str:
    """What one column adds or takes at each of its values, one dot a row."""
    known = [(v, y) for v, y in zip(effect["values"], effect["log_odds"], strict=True) if v is not None]
    missing = [y for v, y in zip(effect["values"], effect["log_odds"], strict=True) if v is None]

    def draw(axes: Any) -> None:
        axes.axhline(0, color=_FAINT, linewidth=1)
        axes.scatter([v for v, _ in known], [y for _, y in known], s=7, color=_MODEL, alpha=0.45, linewidths=0)
        if missing and known:
            low, high = min(v for v, _ in known), max(v for v, _ in known)
            axes.scatter([low - 0.06 * (high - low or 1)] * len(missing), missing, s=9, color=_WARM, marker="x")
        if effect["levels"]:
            names = [name if len(name) <= 8 else name[:7] + "…" for name in effect["levels"]]
            axes.set_xticks(range(len(names)), names, rotation=35, ha="right", fontsize=8)
        elif known:
            # A few far values would press everything else against the axis.
            ordered = sorted(v for v, _ in known)
            low, high = ordered[len(ordered) // 100], ordered[-1 - len(ordered) // 50]
            if high > low:
                axes.set_xlim(low - 0.1 * (high - low), high + 0.05 * (high - low))
        axes.set_title(effect["column"], loc="left", fontsize=10, color=_INK)
        axes.set(ylabel="对数几率")

    return _svg(draw, (4.0, 2.7))


def drift_plot(stability: Mapping[str, Any]) -> str:
    """PSI of the score and CSI of the columns that moved most, with the two customary marks."""
    rows = [("总分 PSI", stability["psi"]), *((one["column"], one["csi"]) for one in stability["columns"][:12])][
        ::-1
    ]

    def draw(axes: Any) -> None:
        colours = [_WARM if value >= ALARM else _BASELINE if value >= WATCH else _MODEL for _, value in rows]
        axes.barh([name for name, _ in rows], [value for _, value in rows], color=colours, height=0.62)
        for mark in (WATCH, ALARM):
            axes.axvline(mark, color=_QUIET, linewidth=0.8, linestyle=":")
        axes.set(
            xlabel="稳定性指数（虚线：0.10 留意，0.25 显著变化）",
            xlim=(0, max(0.28, *(v for _, v in rows)) * 1.05),
        )

    return _svg(draw, (7.2, 0.34 * len(rows) + 1.1))


def _svg(draw: Callable[[Any], None], size: tuple[float, float]) -> str:
    try:
        import matplotlib
        from matplotlib import font_manager
        from matplotlib.figure import Figure
    except ImportError as error:
        raise PartMissing("matplotlib") from error
    installed = set(font_manager.get_font_names())
    style: dict[Any, Any] = {
        "font.family": [*(font for font in _CHINESE_FONTS if font in installed), "DejaVu Sans"],
        "font.size": 9,
        "svg.fonttype": "none",
        # Names inside the picture come from the content, so the same card is the same bytes.
        "svg.hashsalt": "osmanthus",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": _QUIET,
        "axes.labelcolor": _INK,
        "xtick.color": _QUIET,
        "ytick.color": _INK,
        "axes.unicode_minus": False,
    }
    out = io.StringIO()
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Glyph .* missing"
        )  # measured with another font, shown with the reader's
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.add_subplot())
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    text = out.getvalue()
    return text[text.index("<svg") :]

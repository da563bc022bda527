"""`fit`, `evaluate` and `card`: the model component from the command line, on anyone's labelled table."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import polars as pl
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from scoring.model.card_page import card_page
from scoring.model.comparison import compare
from scoring.model.component import Component, load_component, save_component
from scoring.model.directions import describe_direction, read_directions
from scoring.model.errors import ModelError
from scoring.model.fairness import fairness_by_group
from scoring.model.fitting import Fitted, drift_since_learning, fit, settings_tried
from scoring.model.learning import Shape
from scoring.model.measures import calibration_error, quality_over_folds
from scoring.model.table import label_table, read_table
from scoring.reading_files import FileRefused, insist_writable

_SHAPE_NAMES = {"additive": "相加型 additive", "trees": "树型 trees"}
_MEASURES = ("auc", "ks", "brier")


class ShapeOption(StrEnum):
    """`auto` lets rows held back choose."""

    auto = "auto"
    additive = "additive"
    trees = "trees"


_SHAPES: dict[ShapeOption, Shape | None] = {
    ShapeOption.auto: None,
    ShapeOption.additive: "additive",
    ShapeOption.trees: "trees",
}

TableOption = Annotated[Path, typer.Option("--table", help="带标签的表：CSV（UTF-8 或 GB 18030）或 Parquet。")]
JsonOption = Annotated[bool, typer.Option("--json", help="只输出 JSON，便于程序读取。")]
PositiveOption = Annotated[
    str | None, typer.Option("--positive", help="目标列的哪个取值表示结果发生；0/1、是/否等无需指明。")
]
AuditOption = Annotated[
    str, typer.Option("--audit", help="只用于公平性检查、从不作为输入的列，逗号分隔，如 district,age_band。")
]


def add_commands(app: typer.Typer) -> None:
    """Add fit, evaluate and card to an application."""
    app.command("fit", help=_FIT_HELP, short_help="在任何带标签的表上学习模型并检验。")(fit_command)
    app.command("evaluate", help=_EVALUATE_HELP, short_help="用新表检验模型：效果、漂移、公平性、新旧比较。")(
        evaluate_command
    )
    app.command("card", help=_CARD_HELP, short_help="把模型卡写成可打印的网页。")(card_command)


_FIT_HELP = """在任何带标签的表上学习一个模型，并与 WOE 评分卡在同样的折上比较。

数值列与类别列都可以，空值可以；只有一个取值、像编号的列会被略去并说明。

例：  python -m scoring fit --table loans.csv --target default --directions directions.yaml --out model.json

方向文件（YAML）逐列写 up、down 或 none：up 表示该列越大，目标为 1 的概率不降低。
"""

_EVALUATE_HELP = """用一张新表检验已有模型：AUC、KS、Brier、校准、分布漂移（PSI/CSI）、公平性；可与现用模型比较。

例：  python -m scoring evaluate model.json --table this_year.csv --target default --champion current.json
"""

_CARD_HELP = """把模型卡写成一个自带图表、不引用外部资源的网页。

例：  python -m scoring card model.json --out model.html
"""


def fit_command(
    table: TableOption,
    target: Annotated[str, typer.Option("--target", help="目标列：恰有两种取值。")],
    directions: Annotated[Path | None, typer.Option("--directions", help="方向文件（YAML）。")] = None,
    folds: Annotated[int, typer.Option("--cv", min=2, max=20, help="外层交叉验证的折数。")] = 5,
    shape: Annotated[
        ShapeOption, typer.Option("--shape", help="auto：由留出的行选择；自然人评分只能用 additive。")
    ] = ShapeOption.auto,
    out: Annotated[Path | None, typer.Option("--out", help="把模型写到这个文件（JSON）。")] = None,
    name: Annotated[str | None, typer.Option("--name", help="模型名称，默认取表的文件名。")] = None,
    positive: PositiveOption = None,
    leave_out: Annotated[str, typer.Option("--leave-out", help="不用于学习的列，逗号分隔。")] = "",
    audit: AuditOption = "",
    group: Annotated[
        str | None, typer.Option("--group", help="主体编号列：同一主体的各行不会分到训练与检验两边。")
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", help="时间列：比较较早与较晚一半的稳定性，不作输入。")
    ] = None,
    baseline: Annotated[
        bool, typer.Option("--baseline/--no-baseline", help="是否同时拟合 WOE 评分卡作对照。")
    ] = True,
    seed: Annotated[int, typer.Option("--seed", help="随机种子；同表同种子得同一模型。")] = 0,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="同时计算的折数，默认为处理器数；不影响结果。")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    with _refusals():
        if out is not None:
            insist_writable(out)
        frame = read_table(table)
        declared: dict[str, int] = {}
        if directions is not None:
            aside = {target, *_names(leave_out), *_names(audit), group or target, time or target}
            declared = read_directions(directions, columns=frame.columns, aside=aside)
        labelled = label_table(
            frame,
            target=target,
            positive=positive,
            leave_out=_names(leave_out),
            audit=_names(audit),
            group=group,
            time=time,
        )
        with _progress(folds, quiet=as_json) as on_fold:
            fitted = fit(
                labelled,
                name=name or table.stem,
                directions=declared,
                shape=_SHAPES[shape],
                folds=folds,
                with_baseline=baseline,
                seed=seed,
                threads=threads or os.cpu_count() or 1,
                on_fold=on_fold,
            )
        if out is not None:
            save_component(fitted.component, out)
    if as_json:
        _print_json(_fit_json(fitted))
        return
    _show_fit(fitted, out)


def evaluate_command(
    model: Annotated[Path, typer.Argument(help="模型文件（JSON）。")],
    table: TableOption,
    target: Annotated[str | None, typer.Option("--target", help="目标列；没有时只看漂移。")] = None,
    champion: Annotated[Path | None, typer.Option("--champion", help="现用模型：与之在同样的行上比较。")] = None,
    positive: PositiveOption = None,
    audit: AuditOption = "",
    scores: Annotated[
        Path | None, typer.Option("--scores", help="把每行的概率和逐列贡献（百万分之一对数几率）写成 CSV。")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    with _refusals():
        if scores is not None:
            insist_writable(scores)
        component = load_component(model)
        frame = read_table(table)
        if target is None and (champion is not None or audit):
            raise ModelError("比较模型或检查公平性需要 --target。")
        told = _evaluate(component, frame, target, positive, _names(audit), champion)
        if scores is not None:
            _write_scores(component, frame, scores)
    if as_json:
        _print_json(told)
        return
    _show_evaluation(told, scores)


def card_command(
    model: Annotated[Path, typer.Argument(help="模型文件（JSON）。")],
    out: Annotated[Path | None, typer.Option("--out", help="网页文件，默认与模型同名、扩展名 .html。")] = None,
    table: Annotated[
        Path | None, typer.Option("--table", help="一张较新的表：在卡上加画与训练时相比的漂移。")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    with _refusals():
        if out is not None:
            insist_writable(out)
        component = load_component(model)
        drift = None
        if table is not None:
            drift = drift_since_learning(component, component.read(read_table(table))[0])
        if as_json:
            _print_json({**_identity(component), "training": component.training, **component.card, "drift": drift})
            return
        page = out or model.with_suffix(".html")
        page.write_text(card_page(component, drift), encoding="utf-8")
    _say(Console(), f"模型卡已写到 {page}")


def _fit_json(fitted: Fitted) -> dict[str, Any]:
    component, card = fitted.component, fitted.component.card
    return {
        **card["quality"],
        "baseline": card["baseline"],
        "above_baseline": card["above_baseline"],
        "shapes": card["shapes"],
        "shape": component.shape,
        "chosen_in_folds": card["chosen_in_folds"],
        "folds": settings_tried(fitted.validation),
        "calibration_error": card["calibration"]["error"],
        "directions": card["directions"],
        "fairness": card["fairness"],
        "stability": {key: card["stability"][key] for key in ("by", "psi", "reading")},
        "notes": card["notes"],
        "model": {**_identity(component), **component.training},
        "seconds": round(fitted.validation.seconds, 1),
    }


def _evaluate(
    component: Component,
    frame: pl.DataFrame,
    target: str | None,
    positive: str | None,
    audit: list[str],
    champion: Path | None,
) -> dict[str, Any]:
    told: dict[str, Any] = {"model": _identity(component)}
    labelled = None
    if target is not None:
        labelled = label_table(frame, target=target, positive=positive, audit=audit)
        frame = frame.filter(pl.col(target).is_not_null())
    values, notes = component.read(frame)
    told["notes"] = notes
    told["drift"] = drift_since_learning(component, values)
    if labelled is None:
        return told
    probability = component.probability(values)
    fold = np.zeros(len(probability), dtype=np.int64)
    told |= quality_over_folds(labelled.outcome, probability, fold).as_json()
    told["calibration_error"] = round(calibration_error(labelled.outcome, probability)[0], 6)
    told["fairness"] = [one.as_json() for one in fairness_by_group(labelled.outcome, probability, labelled.audit)]
    if component.training.get("fingerprint") == labelled.fingerprint:
        notes.append("这正是训练用的表，以上效果偏于乐观；应看 fit 给出的交叉验证结果。")
    if champion is not None:
        told["comparison"] = compare(load_component(champion), component, frame, labelled)
    return told


def _write_scores(component: Component, frame: pl.DataFrame, path: Path) -> None:
    values, _ = component.read(frame)
    parts = component.contributions(values)
    columns: dict[str, Any] = {"probability": component.probability(values), "log_odds": parts.sum(axis=1)}
    columns |= {f"part_{name}": parts[:, at] for at, name in enumerate(component.names)}
    columns["part_start"] = parts[:, -1]
    pl.DataFrame(columns).write_csv(path)


def _identity(component: Component) -> dict[str, Any]:
    return {"name": component.name, "shape": component.shape, "identity": component.identity}


def _show_fit(fitted: Fitted, out: Path | None) -> None:
    console, component, card = Console(), fitted.component, fitted.component.card
    training = component.training
    _print_notes(console, card["notes"])
    _say(
        console,
        f"{training['rows']:,} 行，{len(component.columns)} 列，结果发生 {training['outcomes']:,} 行"
        f"（{training['outcomes'] / training['rows']:.1%}）；{training['folds']} 折嵌套交叉验证，"
        f"用时 {fitted.validation.seconds:.0f} 秒",
    )
    table = _quality_table("未参与学习的行上的效果（均值与 95% 区间）")
    table.add_row(f"所选：{_chosen(card['chosen_in_folds'])}", *_cells(card["quality"]), style="bold")
    for shape, told in card["shapes"].items():
        table.add_row(f"  {_SHAPE_NAMES[shape]}", *_cells(told))
    if card["baseline"]:
        table.add_section()
        table.add_row("对照：WOE 评分卡", *_cells(card["baseline"]))
        table.add_row("所选减对照", *_cells(card["above_baseline"], signed=True))
    console.print(table)
    for told in card["directions"]:
        sentence = describe_direction(told["column"], told["direction"])
        _say(console, f"方向 {sentence}：扫描 {told['steps']:,} 步，违反 {told['violations']}")
    _say(
        console,
        f"全表学得{_SHAPE_NAMES[component.shape]}：深度 {training['depth']}，{training['rounds']} 轮，"
        f"平滑分档占 {training['smooth_share']:.0%}，加权分档占 {training['weighed_share']:.0%}，"
        f"校准平均偏差 {card['calibration']['error']:.3f}，标识 {component.identity[:16]}",
    )
    _print_fairness(console, card["fairness"])
    if out is None:
        _say(console, "未保存；加 --out model.json 保存模型，再用 card 生成模型卡。", style="dim")
    else:
        _say(console, f"模型已写到 {out}")


def _show_evaluation(told: dict[str, Any], scores: Path | None) -> None:
    console = Console()
    _print_notes(console, told["notes"])
    if "auc" in told:
        table = _quality_table("新表上的效果（95% 区间）")
        table.add_row(escape(told["model"]["name"]), *_cells(told), style="bold")
        if "comparison" in told:
            comparison = told["comparison"]
            table.add_row(escape(f"现用：{comparison['champion']['name']}"), *_cells(comparison["champion"]))
            table.add_row("挑战者减现用", *_cells(comparison["difference"], signed=True))
        console.print(table)
        _say(console, f"校准平均偏差 {told['calibration_error']:.3f}")
        _print_fairness(console, told["fairness"])
    if "comparison" in told:
        comparison = told["comparison"]
        moved_far = f"{comparison['moved_two_tenths_or_more']:.1%} 的行排名移动两个十分位以上"
        _say(console, f"{comparison['verdict']}；{moved_far}。")
        if comparison["warning"]:
            _say(console, comparison["warning"], style="yellow")
    drift = told["drift"]
    moved = [f"{one['column']} {one['csi']:.3f}" for one in drift["columns"] if one["reading"] != "稳定"]
    columns = f"需要留意的列：{'、'.join(moved)}" if moved else "各列均稳定"
    _say(console, f"与训练时相比：总分 PSI {drift['psi']:.3f}（{drift['reading']}）；{columns}")
    if scores is not None:
        _say(console, f"逐行结果已写到 {scores}")


def _quality_table(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="")
    table.add_column("模型", no_wrap=True)
    for measure in ("AUC ↑", "KS ↑", "Brier ↓"):
        table.add_column(measure, justify="right", no_wrap=True)
    return table


def _cells(told: dict[str, dict[str, float]], *, signed: bool = False) -> list[str]:
    form = "+.4f" if signed else ".4f"
    return [
        f"{told[m]['mean']:{form}}\n[dim]{told[m]['low']:{form}} ~ {told[m]['high']:{form}}[/dim]"
        for m in _MEASURES
    ]


def _chosen(shapes: list[str]) -> str:
    return "、".join(f"{shape} {shapes.count(shape)} 折" for shape in sorted(set(shapes)))


def _print_fairness(console: Console, fairness: list[dict[str, Any]]) -> None:
    for told in fairness:
        if told["stands_out"]:
            _say(
                console,
                f"公平性：{told['attribute']} {told['group']}（{told['rows']:,} 行）与全体有差别，详见模型卡。",
                style="yellow",
            )
    if fairness and not any(told["stands_out"] for told in fairness):
        _say(console, f"公平性：{len(fairness)} 个组与全体均无显著差别。")


def _print_notes(console: Console, notes: list[str]) -> None:
    for note in notes:
        _say(console, f"· {note}", style="yellow")


def _print_json(data: dict[str, Any]) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


@contextmanager
def _refusals() -> Iterator[None]:
    """Say a refusal in its own words, on stderr whatever was asked for on stdout, and leave with 2."""
    try:
        yield
    except (ModelError, FileRefused) as refusal:
        _say(Console(stderr=True), f"无法继续：{refusal}", style="red")
        raise typer.Exit(2) from refusal


def _say(console: Console, sentence: str, *, style: str | None = None) -> None:
    """A sentence as it stands: names of columns and files are no markup, and lines break where the reader's do."""
    console.print(sentence, style=style, highlight=False, soft_wrap=True, markup=False)


@contextmanager
def _progress(folds: int, *, quiet: bool) -> Iterator[Callable[[], None]]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    hidden = quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task("检验", total=folds)

        def on_fold() -> None:
            progress.advance(task)
            if progress.finished:
                progress.update(task, description="学习全表", total=None)

        yield on_fold

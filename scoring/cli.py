"""The commands of `python -m scoring`. The only place here that reads a clock: `--as-of` defaults to today."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import numpy as np
import polars as pl
import typer
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scoring.compiled import CompiledPolicy, compile_policy
from scoring.days import to_date, to_day
from scoring.engine import BatchResult, score_batch, score_one
from scoring.explain import Explanation, advise, explain, format_number, format_points
from scoring.model.cli import add_commands
from scoring.model.component import Effect, load_component
from scoring.model.errors import ModelError
from scoring.model.policy_part import with_model
from scoring.policy import (
    CategoryFacts,
    Policy,
    catalogue_of,
    load_policy,
    load_policy_for,
    shipped_catalogue,
    shipped_policy,
    shipped_policy_names,
)
from scoring.problems import PolicyInvalid, Problem, did_you_mean
from scoring.reading_files import FileRefused, insist_writable, read_text
from scoring.reading_yaml import read_yaml
from scoring.simulation import Distribution
from scoring.simulation import simulate as simulate_change
from scoring.speaking import SpeakingChinese
from scoring.sql import TABLES, export_sql
from scoring.tables import RecordsInvalid, read_records

_CITY_TIME = timezone(timedelta(hours=8))

_KINDS = {"person": "自然人", "enterprise": "企业"}

app = typer.Typer(
    cls=SpeakingChinese,
    help=(
        "信用评分的计算：检查评分方案、算分并说明理由、导出审计用 SQL、模拟方案调整的影响。\n\n"
        "方案写成 YAML 文件，也可以用随附方案的名字。先看一份随附的方案：python -m scoring show guihua"
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_out = Console(soft_wrap=True, highlight=False)
_err = Console(stderr=True, soft_wrap=True, highlight=False)

PolicyArgument = Annotated[str, typer.Argument(metavar="方案", help="方案文件（.yaml）或随附方案的名字。")]
RecordsArgument = Annotated[
    Path,
    typer.Argument(
        metavar="记录文件",
        exists=True,
        dir_okay=False,
        help="CSV 或 Parquet：subject、record、category、event_day 必填；"
        "end_day、performed_day、quantity（百分之一单位）、amount（分）、level、event、state、relation 可选。",
    ),
]
AsOfOption = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=["%Y-%m-%d"], metavar="日期", help="按哪一天计分，默认今天。"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON，便于程序读取。")]


class Dialect(StrEnum):
    """Databases an audit copy can be written for."""

    postgresql = "postgresql"
    duckdb = "duckdb"


@app.command("show")
def show_command(
    name: Annotated[str | None, typer.Argument(metavar="名字", help="随附方案的名字；不写则列出全部。")] = None,
) -> None:
    """列出随附的方案，或打印其中一份的 YAML，供照着改写。

    例：python -m scoring show guihua > 本市.yaml
    """
    names = shipped_policy_names()
    if name is None:
        for each in names:
            policy = shipped_policy(each)
            _out.print(f"{each}\t{policy.name}（{len(policy.indicators)} 个指标）", markup=False)
        return
    if name not in names:
        _fail(f"没有名为“{name}”的随附方案{did_you_mean(name, names) or '。'}现有：{'、'.join(names)}")
    typer.echo(shipped_policy(name).source_text, nl=False)


@app.command("check")
def check_command(
    policy: PolicyArgument,
    catalogue: Annotated[
        Path | None,
        typer.Option(
            "--catalogue",
            exists=True,
            dir_okay=False,
            help="本市的目录文件（YAML 或 JSON；每个类别有 code、name、polarity、legal_basis，可有 levels、"
            "subject_kinds）。不写则按随附的目录核对类别、等次与依据。",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """检查方案：逐条指出不合规则之处（第几行、什么问题、怎么改）。有问题时以非零状态退出。

    例：python -m scoring check 本市.yaml
    """
    known = shipped_catalogue() if catalogue is None else _read_catalogue(catalogue)
    problems: list[Problem] = []
    try:
        loaded = _read(policy, lambda source: load_policy_for(source, known))
    except PolicyInvalid as invalid:
        problems = invalid.problems
    if as_json:
        fields = ("line", "path", "message", "rule")
        _print_json({"valid": not problems, "problems": [{f: getattr(p, f) for f in fields} for p in problems]})
    else:
        _print_problems(policy, problems)
        if catalogue is None and any(problem.rule == "unknown_category" for problem in problems):
            _err.print("类别按随附的目录核对；本市目录不同的，请用 --catalogue 指明目录文件。", markup=False)
    if problems:
        raise typer.Exit(1)
    if not as_json:
        _print_policy(loaded)


@app.command("explain")
def explain_command(
    policy: PolicyArgument,
    records: RecordsArgument,
    subject: Annotated[int, typer.Option("--subject", metavar="编号", help="要说明的主体。")],
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """算出一个主体的分数，逐项说明依据哪些记录、何时减弱，以及怎样可以提高。

    例：python -m scoring explain guihua 记录.csv --subject 17 --as-of 2026-06-30
    """
    day = _day(as_of)
    compiled = _compiled(policy, day)
    columns = _records(records, compiled)
    own = columns.take(columns.subject == subject)
    if len(own) == 0:
        _err.print(f"注意：{records} 中没有主体 {subject} 的记录，按没有记录计分。", markup=False)
    result = score_one(compiled, own, day)
    told = explain(compiled.policy, result)
    advice = advise(compiled.policy, compiled, own, day)
    if as_json:
        _print_json(
            {
                "subject": subject,
                "as_of": to_date(day).isoformat(),
                "total": told.total,
                "grade": told.grade.code,
                "base": told.base,
                "clamp": told.clamp,
                "contributions": [
                    {"indicator": c.indicator, "points": c.points, "reason": c.reason, "records": c.records}
                    for c in told.contributions
                ],
                "advice": [{"indicator": a.indicator, "sentence": a.sentence, "gain": a.gain} for a in advice],
            }
        )
        return
    _print_explanation(told)
    if advice:
        _out.print("\n可以提高分数的事项（其他不变，均已重新计算核实）：", markup=False)
        for one in advice:
            _out.print(f"  · {one.sentence}", markup=False)


@app.command("score")
def score_command(
    policy: PolicyArgument,
    records: RecordsArgument,
    subjects: Annotated[
        Path | None,
        typer.Option("--subjects", exists=True, dir_okay=False, help="主体编号清单，一行一个；没有记录的也计分。"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", dir_okay=False, help="写入 CSV 或 Parquet；不写则只显示概况。")
    ] = None,
    as_of: AsOfOption = None,
    threads: Annotated[int, typer.Option("--threads", min=1, max=64, help="并行线程数，不影响结果。")] = 1,
) -> None:
    """给记录文件中的所有主体算分。分值以百分之一分计。

    例：python -m scoring score guihua 记录.csv -o 分数.csv
    """
    if output is not None:
        _writable(output)
        if output.suffix not in (".csv", ".parquet"):
            _fail(f"不知道怎样写 {output}：文件名应以 .csv 或 .parquet 结尾")
    day = _day(as_of)
    compiled = _compiled(policy, day)
    columns = _records(records, compiled)
    result = score_batch(compiled, columns, day, _subjects(subjects, columns.subject), threads=threads)
    if output is not None:
        frame = _frame(compiled.policy, result)
        if output.suffix == ".parquet":
            frame.write_parquet(output)
        else:
            frame.write_csv(output)
        _out.print(f"已写入 {output}：{len(result.subject)} 个主体", markup=False)
    _print_distribution(compiled.policy, result)


@app.command("export")
def export_command(
    policy: PolicyArgument,
    sql: Annotated[Dialect, typer.Option("--sql", help="写给哪种数据库。")],
    as_of: AsOfOption = None,
    tables: Annotated[bool, typer.Option("--tables", help="同时写出两张输入表的建表语句。")] = False,
) -> None:
    """把方案写成一条可读的 SQL，审计方在自己的数据库里运行，得到相同的整数。

    例：python -m scoring export guihua --sql duckdb --as-of 2026-06-30 > 审计.sql
    """
    day = _day(as_of)
    compiled = _compiled(policy, day)
    if tables:
        typer.echo(TABLES)
    typer.echo(export_sql(compiled.policy, sql.value, to_date(day)), nl=False)


@app.command("simulate")
def simulate_command(
    before: Annotated[str, typer.Argument(metavar="现行方案", help="方案文件或随附方案的名字。")],
    after: Annotated[str, typer.Argument(metavar="调整后方案", help="方案文件或随附方案的名字。")],
    records: RecordsArgument,
    as_of: AsOfOption = None,
    threads: Annotated[int, typer.Option("--threads", min=1, max=64, help="并行线程数，不影响结果。")] = 1,
) -> None:
    """比较两份方案在同一批记录上的结果：分布、等级迁移、变动最大的主体。

    例：python -m scoring simulate guihua 调整稿.yaml 记录.parquet
    """
    old, new = _loaded(before), _loaded(after)
    if old.subject_kind != new.subject_kind:
        kinds = f"“{old.name}”评{_KINDS[old.subject_kind]}，“{new.name}”评{_KINDS[new.subject_kind]}"
        _fail(f"两份方案评的不是同一类主体，不能比较：{kinds}")
    categories = {*old.category_codes, *new.category_codes}
    compiled, changed = compile_policy(old, categories), compile_policy(new, categories)
    columns, day = _records(records, compiled), _day(as_of)
    scores = score_batch(compiled, columns, day, np.unique(columns.subject), threads=threads)
    told = simulate_change(compiled, changed, scores, day, columns=columns, threads=threads)

    def line(name: str, distribution: Distribution) -> str:
        deciles = "、".join(format_number(distribution.deciles[k], 2) for k in (0, 4, 8))
        return f"{name}：平均 {format_number(distribution.mean, 2)}，十分位 10%/50%/90% 为 {deciles}"

    _out.print(line("现行", told.distribution_before), markup=False)
    _out.print(line("调整后", told.distribution_after), markup=False)
    _out.print(f"上升 {told.raised} 个主体，下降 {told.lowered} 个主体", markup=False)
    if told.read_again:
        _out.print(f"以下指标的口径有变，已重新读取记录：{'、'.join(told.read_again)}", markup=False)
    table = Table("现行＼调整后", *[grade.name for grade in new.grades])
    for grade, row in zip(old.grades, told.migration, strict=True):
        table.add_row(grade.name, *[str(count) for count in row])
    _out.print(table)
    for title, movers in (("上升最多", told.most_raised[:5]), ("下降最多", told.most_lowered[:5])):
        for mover in movers:
            change = f"{format_number(mover.before, 2)} → {format_number(mover.after, 2)}"
            cause = mover.indicator or "基础分或上下限"
            _out.print(f"{title}：主体 {mover.subject}　{change}　{cause}", markup=False)


@app.command("embed")
def embed_command(
    policy: PolicyArgument,
    model: Annotated[Path, typer.Argument(metavar="模型文件", help="fit 写出的相加型模型（JSON）。")],
    cap: Annotated[float, typer.Option("--cap", min=0, help="模型分项合计至多加减多少分。")],
    version: Annotated[str, typer.Option("--version", help="新方案的版本号，如 2027.1。")],
    effective_from: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="新方案的生效日。")],
    output: Annotated[Path, typer.Option("--output", "-o", dir_okay=False, help="写成的方案文件（.yaml）。")],
    points_per_doubling: Annotated[
        float, typer.Option("--points-per-doubling", help="结果发生的赔率减半值多少分。")
    ] = 10,
) -> None:
    """把相加型模型写成方案里的一个维度；写好的方案照常检查、模拟、采用。

    例：python -m scoring embed guihua model.json --cap 8 --version 2027.1 --from 2027-01-01 -o 新方案.yaml
    """
    _writable(output)
    old = _loaded(policy)
    try:
        effect = Effect(round(cap * 100), round(points_per_doubling * 100))
        new = with_model(load_component(model), old, effect, version=version, effective_from=effective_from.date())
    except ModelError as refusal:
        _fail(str(refusal))
    except PolicyInvalid as invalid:
        _print_problems(str(output), invalid.problems)
        raise typer.Exit(1) from invalid
    output.write_text(new.source_text, encoding="utf-8")
    added = new.dimensions[-1]
    _out.print(f"已写入 {output}：增加维度“{added.name}”，{len(added.indicators)} 个指标", markup=False)
    _print_policy(new)


add_commands(app)


# --- reading ----------------------------------------------------------------------------------------------


def _read(policy: str, load: Callable[[str], Policy]) -> Policy:
    path = Path(policy)
    names = shipped_policy_names()
    if not path.exists() and policy in names:
        return load(shipped_policy(policy).source_text)
    if not path.is_file():
        near = [each.stem for each in path.parent.glob("*.yaml")] if path.suffix == ".yaml" else names
        hint = did_you_mean(path.stem, near) or "。"
        _fail(f"找不到方案文件“{policy}”{hint}随附的方案有：{'、'.join(names)}。")
    try:
        return load(read_text(path))
    except FileRefused as refusal:
        _fail(str(refusal))


def _loaded(policy: str) -> Policy:
    try:
        return _read(policy, load_policy)
    except PolicyInvalid as invalid:
        _print_problems(policy, invalid.problems)
        raise typer.Exit(1) from invalid


def _compiled(policy: str, day: int) -> CompiledPolicy:
    loaded = _loaded(policy)
    if to_date(day) < loaded.effective_from:
        begins = f"“{loaded.name}”自 {loaded.effective_from} 起施行"
        _err.print(f"注意：{begins}，{to_date(day)} 时尚未施行，按其最早的规定计算。", markup=False)
    if loaded.effective_until is not None and to_date(day) > loaded.effective_until:
        _err.print(f"注意：“{loaded.name}”到 {loaded.effective_until} 为止，已经失效。", markup=False)
    return compile_policy(loaded)


def _writable(path: Path) -> None:
    try:
        insist_writable(path)
    except FileRefused as refusal:
        _fail(str(refusal))


def _records(path: Path, compiled: CompiledPolicy) -> Any:
    try:
        columns, unread = read_records(path, compiled)
    except RecordsInvalid as invalid:
        _fail(str(invalid))
    for code, rows in unread.items():
        hint = did_you_mean(code, compiled.category_index)
        _err.print(f"注意：方案不使用类别“{code}”，{rows} 条记录不计分{hint}", markup=False)
    return columns


def _subjects(path: Path | None, found: Any) -> Any:
    if path is None:
        return np.unique(found)
    try:
        lines = read_text(path).splitlines()
    except FileRefused as refusal:
        _fail(str(refusal))
    numbers = []
    for number, line in enumerate(lines, start=1):
        try:
            if line.strip():
                numbers.append(np.int64(int(line)))
        except (ValueError, OverflowError):
            _fail(f"{path} 第 {number} 行是“{line.strip()[:40]}”，应当一行一个整数编号")
    return np.unique(np.array(numbers, np.int64))


def _read_catalogue(path: Path) -> dict[str, CategoryFacts]:
    try:
        return catalogue_of(read_yaml(read_text(path)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        _fail(f"{path}{f' 第 {mark.line + 1} 行' if mark else ''} 不是合法的 YAML 或 JSON")
    except ValueError as error:
        _fail(f"{path} 不是目录文件：{error}")


def _day(as_of: datetime | None) -> int:
    day: date = datetime.now(UTC).astimezone(_CITY_TIME).date() if as_of is None else as_of.date()
    return to_day(day)


def _fail(message: str) -> NoReturn:
    _err.print(message, markup=False)
    raise typer.Exit(2)


# --- printing ---------------------------------------------------------------------------------------------


def _print_problems(policy: str, problems: list[Problem]) -> None:
    for problem in problems:
        where = f"{policy}:{problem.line}" if problem.line else policy
        _err.print(f"{where}: {problem.message} [{problem.rule}]", markup=False)
        if problem.path:
            _err.print(f"    位置：{problem.path}", markup=False)
    if problems:
        _err.print(f"共 {len(problems)} 处问题", markup=False)


def _print_policy(policy: Policy) -> None:
    _out.print(
        f"{policy.name} {policy.version}（{_KINDS[policy.subject_kind]}）合格：{len(policy.dimensions)} 个维度，"
        f"{len(policy.indicators)} 个指标，基础分 {format_number(policy.base)}，"
        f"{format_number(policy.minimum)} 至 {format_number(policy.maximum)} 分，自 {policy.effective_from} 起",
        markup=False,
    )
    _out.print(f"方案标识 {policy.hash}", markup=False)


def _print_explanation(told: Explanation) -> None:
    _out.print(told.summary, markup=False)
    if not told.contributions:
        _out.print("没有计分的记录。", markup=False)
        return
    _out.print(f"主要因素：{'；'.join(factor.reason for factor in told.key_factors) or '无'}", markup=False)
    table = Table("维度", "分值", "理由", "记录", "下次减弱", show_lines=False)
    for one in told.contributions:
        fades = min((fade.day for fade in one.fades), default=None)
        table.add_row(
            one.dimension_name,
            format_points(one.points),
            escape(one.reason),
            "、".join(str(record) for record in one.records[:6]) + ("…" if len(one.records) > 6 else ""),
            "" if fades is None else to_date(fades).isoformat(),
        )
    _out.print(table)
    for limit in told.limits:
        _out.print(f"  {limit}", markup=False)


def _print_distribution(policy: Policy, result: BatchResult) -> None:
    table = Table("等级", "分数线", "主体数", "占比")
    counts = np.bincount(result.grade, minlength=len(policy.grades))
    for grade, count in zip(policy.grades, counts.tolist(), strict=True):
        share = f"{100 * count / max(1, len(result.grade)):.1f}%"
        table.add_row(grade.name, format_number(grade.minimum), str(count), share)
    _out.print(table)


def _print_json(data: Any) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))


def _frame(policy: Policy, result: BatchResult) -> pl.DataFrame:
    codes = np.array([grade.code for grade in policy.grades])
    columns: dict[str, Any] = {
        "subject": result.subject,
        "total": result.total,
        "grade": codes[result.grade],
        "clamp": result.clamp,
    }
    for i, indicator in enumerate(policy.indicators):
        columns[indicator.code] = result.points[:, i]
    return pl.DataFrame(columns)

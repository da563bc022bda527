"""The audit copy: a policy as one plain SQL query that gives the same integers as the kernel.

An outside auditor needs nothing of this product: two tables and a database they trust. The query is written
from the same declaration as the kernel's tables, in the order a person would explain the score.

    records(subject, record, event, quantity, amount  bigint,
            category  text,
            event_day, end_day, performed_day  date,   -- NULL where RecordColumns has NO_DAY
            level, state, relation  smallint)
    subjects(subject  bigint)
"""

# ruff: noqa: S608 - composing SQL is what this file is for. Every value in it is a number or a code that the
# policy schema has matched against a pattern; free text stands in comments only, see `_comment`.

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from scoring.days import Span
from scoring.kernel import LARGEST, PPM
from scoring.policy import RELATIONS, CategoryUse, DirectGrade, Indicator, Points, PointsRow, Policy

Dialect = Literal["postgresql", "duckdb"]

TABLES = """\
CREATE TABLE records (
    subject bigint NOT NULL, record bigint NOT NULL, category text NOT NULL,
    event_day date NOT NULL, end_day date, performed_day date,
    quantity bigint NOT NULL, amount bigint NOT NULL, level smallint NOT NULL,
    event bigint NOT NULL, state smallint NOT NULL, relation smallint NOT NULL
);
CREATE TABLE subjects (subject bigint PRIMARY KEY);
"""
"""The two tables the query reads."""


def export_sql(policy: Policy, dialect: Dialect, as_of: date) -> str:
    """One SELECT: for every row of `subjects` the points of each indicator, the clamp, the total, the grade.

    Points are hundredths. The numbers in force on `as_of` are written into the query.
    """
    return _Query(policy.on(as_of), dialect, as_of).text()


@dataclass(frozen=True)
class _Query:
    policy: Policy
    dialect: Dialect
    as_of: date

    # Words that the two databases spell differently

    def quotient(self, numerator: str, denominator: int) -> str:
        """Whole-number division of something not negative."""
        if self.dialect == "postgresql":
            return f"div(({numerator})::numeric, {denominator})"
        return f"(({numerator}) // {denominator})"

    def months(self, count: str) -> str:
        return f"make_interval(months => {count})" if self.dialect == "postgresql" else f"to_months({count})"

    def rounded(self, numerator: str, denominator: int) -> str:
        """Nearest whole, halves away from zero."""
        return f"sign({numerator}) * {self.quotient(f'abs({numerator}) + {denominator // 2}', denominator)}"

    def wide(self, value: str) -> str:
        return f"({value})::{'numeric' if self.dialect == 'postgresql' else 'hugeint'}"

    # The query, from top to bottom

    def text(self) -> str:
        policy = self.policy
        return f"""\
-- {_comment(policy.name)}（{policy.code} {policy.version}），{self.as_of} 的评分
-- 依据：{_comment(policy.basis)}
-- 方案标识：{policy.hash}
-- 分值单位：百分之一分；数量单位：百分之一；金额单位：分。
WITH
-- 一、可能计入的记录：已发生，且未修复、未撤销、未过期（0 正常，1 异议中）
considered AS (
    SELECT subject, record, category, event, event_day, level, state, relation,
           CASE WHEN quantity < 0 THEN 0 WHEN quantity > {LARGEST} THEN {LARGEST} ELSE quantity END AS quantity,
           CASE WHEN amount < 0 THEN 0 WHEN amount > {LARGEST} THEN {LARGEST} ELSE amount END AS amount,
           performed_day IS NOT NULL AND performed_day <= {self._today()} AS performed,
           -- 持续行为：尚未结束的算到当天
           CASE
               WHEN end_day IS NULL AND performed_day <= {self._today()}
                   THEN greatest(performed_day, event_day)
               WHEN end_day IS NULL OR end_day > {self._today()} THEN {self._today()}
               ELSE greatest(end_day, event_day)
           END AS ended_day,
           CASE
               WHEN end_day IS NULL THEN event_day
               ELSE greatest(event_day, least(end_day, {self._today()}))
           END AS over_day
    FROM records
    WHERE event_day <= {self._today()} AND state IN (0, 1)
),
-- 二、每个指标读到的记录：anchor 起算日，closed 行为结束日，size 分值或数量，weight 百万分权重
fed AS (
{self._union(self._fed(term, indicator) for term, indicator in self._terms() if indicator.measure != "value_of")}
),
-- 三、失信信息自行为终止之日起满五年不再计入；异议期间的记录不降低评分
counted AS (
    SELECT * FROM fed
    WHERE weight > 0
      AND (size <> 0 OR measure = 'latest')
      AND NOT (lowers AND closed + INTERVAL '60 months' <= {self._today()})
      AND NOT (lowers AND state = 1 AND measure <> 'latest')
),
-- 四、同类再次发生的加倍：此前另有一起同类行为仍在计入
repeated AS (
    SELECT c.indicator, c.measure, c.subject, c.record, c.event, c.event_day, c.state, c.anchor, c.weight,
           c.scope,
           c.size * CASE WHEN c.factor > 1 AND EXISTS (
               SELECT 1 FROM counted b
               WHERE b.subject = c.subject AND b.indicator = c.indicator AND b.kind = c.kind
                 AND (b.event_day < c.event_day OR (b.event_day = c.event_day AND b.record < c.record))
                 AND NOT (b.event <> 0 AND b.event = c.event)
           ) THEN c.factor ELSE 1 END AS size
    FROM counted c
),
-- 五、同一行为（event 相同）在同一范围内只计最重的一条
once AS (
    SELECT *,
           CASE WHEN scope >= 0 AND event <> 0 THEN row_number() OVER (
               PARTITION BY subject, scope, event
               ORDER BY {self.wide("abs(size)")} * weight DESC, record, indicator
           ) ELSE 1 END AS place_in_event
    FROM repeated
),
-- 六、只取一条的指标：最高、最近、距今月数
settled AS (
    SELECT subject, indicator, record, event_day, size,
           row_number() OVER (PARTITION BY subject, indicator ORDER BY event_day DESC, record DESC) AS place
    FROM once WHERE measure = 'latest' AND state = 0
),
latest AS (
    SELECT o.*, row_number() OVER (
               PARTITION BY o.subject, o.indicator
               ORDER BY CASE WHEN o.state = 1 THEN 0 ELSE 1 END,
                        CASE WHEN o.state = 1 THEN o.size END DESC,
                        o.event_day DESC, o.record DESC
           ) AS place
    FROM once o
    LEFT JOIN settled s ON s.subject = o.subject AND s.indicator = o.indicator AND s.place = 1
    WHERE o.measure = 'latest'
      AND (o.state = 0
           OR (s.record IS NULL AND o.size > 0)
           OR (o.size > s.size
               AND (o.event_day > s.event_day OR (o.event_day = s.event_day AND o.record > s.record))))
),
ranked AS (
    SELECT *, row_number() OVER (
               PARTITION BY subject, indicator
               ORDER BY CASE WHEN measure = 'months_since' THEN anchor END DESC,
                        CASE WHEN measure = 'highest' THEN {self.wide("abs(size)")} * weight END DESC,
                        record
           ) AS place
    FROM once WHERE measure IN ('highest', 'months_since')
),
kept AS (
    SELECT subject, indicator, event_day, anchor, size, weight FROM once
    WHERE measure NOT IN ('highest', 'months_since', 'latest') AND place_in_event = 1
    UNION ALL
    SELECT subject, indicator, event_day, anchor, size, weight FROM ranked WHERE place = 1
    UNION ALL
    SELECT subject, indicator, event_day, anchor, size, weight FROM latest WHERE place = 1
),
-- 七、相加（有每年上限的先按年封顶），最后只除一次、四舍五入
by_year AS (
    SELECT subject, indicator,
           {self._yearly_capped("sum(" + self.wide("size") + " * weight)")} AS weighted,
           count(*) AS hits, max(anchor) AS anchor
    FROM kept GROUP BY {self._by_year()}
),
summed AS (
    SELECT subject, indicator, sum(weighted) AS weighted, sum(hits) AS hits, max(anchor) AS anchor
    FROM by_year GROUP BY subject, indicator
),
measured AS (
    SELECT s.subject, i.indicator,
           CASE i.measure
               WHEN 'exists' THEN CASE WHEN m.hits > 0 THEN 100 ELSE 0 END
               WHEN 'months_since' THEN 100 * ({self._whole_months()})
               ELSE coalesce({self.rounded("m.weighted", PPM)}, 0)
           END AS value
    FROM subjects s
    CROSS JOIN (VALUES
{self._indicator_list()}
    ) AS i (indicator, measure, source)
    LEFT JOIN summed m ON m.subject = s.subject AND m.indicator = i.source
),
-- 八、由数值到分值
priced AS (
    SELECT subject, indicator,
           CASE indicator
{self._prices()}
           END AS points
    FROM measured
),
-- 九、各维度合计，限制在维度的范围之内
by_dimension AS (
    SELECT subject,
           sum(points) AS points,
           {self._dimension_sum()} AS within_limits
    FROM (
        SELECT subject, CASE indicator
{self._dimension_of()}
               END AS dimension, sum(points) AS points
        FROM priced GROUP BY 1, 2
    ) AS d GROUP BY subject
),
-- 十、直接定级
direct AS (
    SELECT subject, min(most) AS most FROM (
{self._union(self._direct(listing) for listing in self.policy.direct_grades) or self._no_direct()}
    ) AS listed GROUP BY subject
),
scored AS (
    SELECT b.subject, b.points,
           least(greatest(least({policy.base} + b.within_limits, coalesce(d.most, {policy.maximum})),
                          {policy.minimum}), {policy.maximum}) AS total
    FROM by_dimension b LEFT JOIN direct d ON d.subject = b.subject
)
SELECT s.subject,
{self._columns()}
       s.total - {policy.base} - s.points AS clamp,
       s.total,
       CASE
{self._grades()}
       END AS grade
FROM scored s JOIN priced p ON p.subject = s.subject
GROUP BY s.subject, s.points, s.total
ORDER BY s.subject;
"""

    def _today(self) -> str:
        return f"DATE '{self.as_of.isoformat()}'"

    def _terms(self) -> Iterator[tuple[int, Indicator]]:
        yield from enumerate(self.policy.indicators, start=1)

    def _union(self, parts: Iterator[str]) -> str:
        return "\n    UNION ALL\n".join(parts)

    def _fed(self, term: int, indicator: Indicator) -> str:
        points = indicator.points_versions[0]
        anchor = "ended_day" if indicator.count_from == "end" else "event_day"
        closed = "ended_day" if indicator.count_from == "end" else "over_day"
        if indicator.per_record:
            size, valid = _by_row(points, "size"), _by_row(points, "validity")
            lowers = f"({size}) < 0"
            alive = self._validity_by_row(points, valid, anchor)
        else:
            size = {"sum": "quantity", "amount": "amount"}.get(indicator.measure, "100")
            lowers = "true" if indicator.direction == "down" else "false"
            alive = "" if indicator.window is None else f" AND {self._within(anchor, indicator.window)}"
        scope = -1
        if self.policy.one_act_counts_once and indicator.direction == "down" and indicator.measure == "each":
            scope = 0
        elif indicator.once_per_event:
            scope = term
        kind = "category" if indicator.repeat_same == "category" else "''"
        return f"""\
    -- {term} {_comment(indicator.name)}（{_comment(points.basis)}）
    SELECT {term} AS indicator, '{indicator.measure}' AS measure, subject, record, event, event_day, state,
           {anchor} AS anchor, {closed} AS closed, {lowers} AS lowers,
           {kind} AS kind, {indicator.repeat_factor} AS factor, {scope} AS scope,
           CAST({size} AS bigint) AS size, CAST({self._weight(indicator, anchor)} AS bigint) AS weight
    FROM considered
    WHERE {_reads(indicator.categories, indicator.relations)}{alive}"""

    def _within(self, anchor: str, span: Span) -> str:
        return f"{anchor} + {_interval(span)} > {self._today()}"

    def _validity_by_row(self, points: Points, valid: str, anchor: str) -> str:
        priced = f" AND ({_by_row(points, 'priced')})"
        if all(row.valid_for is None and row.performed_valid_for is None for row in points.rows):
            return priced
        return f"{priced} AND coalesce({anchor} + ({valid}) > {self._today()}, true)"

    def _weight(self, indicator: Indicator, anchor: str) -> str:
        if indicator.fading is None:
            return str(PPM)
        steps = " ".join(
            f"WHEN {self._within(anchor, step.until)} THEN {step.ppm}" for step in indicator.fading.steps
        )
        return f"CASE {steps} ELSE 0 END"

    def _yearly_capped(self, total: str) -> str:
        caps = [(t, i.yearly_cap) for t, i in self._terms() if i.yearly_cap is not None]
        if not caps:
            return total
        cases = " ".join(f"WHEN {term} THEN least({total}, {cap * PPM})" for term, cap in caps)
        return f"CASE indicator {cases} ELSE {total} END"

    def _by_year(self) -> str:
        terms = ", ".join(str(term) for term, i in self._terms() if i.yearly_cap is not None)
        if not terms:
            return "subject, indicator"
        year = f"CASE WHEN indicator IN ({terms}) THEN extract(year FROM event_day) ELSE 0 END"
        return f"subject, indicator, {year}"

    def _whole_months(self) -> str:
        rough = (
            f"((extract(year FROM {self._today()}) - extract(year FROM m.anchor)) * 12"
            f" + extract(month FROM {self._today()}) - extract(month FROM m.anchor))::int"
        )
        return f"{rough} - CASE WHEN m.anchor + {self.months(rough)} > {self._today()} THEN 1 ELSE 0 END"

    def _indicator_list(self) -> str:
        number = {indicator.code: term for term, indicator in self._terms()}
        measure = {indicator.code: indicator.measure for _, indicator in self._terms()}
        rows = []
        for term, indicator in self._terms():
            source = indicator.of or indicator.code
            rows.append(f"        ({term}, '{measure[source]}', {number[source]})")
        return ",\n".join(rows)

    def _prices(self) -> str:
        return "\n".join(
            f"               WHEN {term} THEN {self._price(indicator)} -- {_comment(indicator.name)}"
            for term, indicator in self._terms()
        )

    def _price(self, indicator: Indicator) -> str:
        points = indicator.points_versions[0]
        each = points.rows[0].points
        value = f"greatest(value, {-LARGEST})" if indicator.measure == "value_of" else "value"
        if indicator.per_record:
            price = "value"
        elif points.kind == "flat":
            price = f"CASE WHEN value > 0 THEN {each} ELSE 0 END"
        elif points.kind == "per_unit" and points.whole_units:
            price = f"{self.quotient('value', points.every)} * {each}"
        elif points.kind == "per_unit":
            price = self.rounded(f"({self.wide('value')} * {each})", points.every)
        else:
            tiers = " ".join(f"WHEN {value} >= {row.key} THEN {row.points}" for row in reversed(points.rows))
            price = f"CASE {tiers} ELSE 0 END"
        if indicator.cap is None:
            return price
        low = 0 if indicator.direction == "up" else -indicator.cap
        high = 0 if indicator.direction == "down" else indicator.cap
        return f"least(greatest({price}, {low}), {high})"

    def _dimension_sum(self) -> str:
        parts = []
        for number, dimension in enumerate(self.policy.dimensions, start=1):
            total = f"coalesce(sum(points) FILTER (WHERE dimension = {number}), 0)"
            if dimension.minimum is not None and dimension.maximum is not None:
                total = f"least(greatest({total}, {dimension.minimum}), {dimension.maximum})"
            parts.append(f"{total} -- {_comment(dimension.name)}")
        return "\n           + ".join(parts) + "\n          "

    def _dimension_of(self) -> str:
        number = {d.code: n for n, d in enumerate(self.policy.dimensions, start=1)}
        return "\n".join(
            f"                   WHEN {term} THEN {number[indicator.dimension]}"
            for term, indicator in self._terms()
        )

    def _direct(self, listing: DirectGrade) -> str:
        anchor = "ended_day" if listing.count_from == "end" else "event_day"
        closed = "ended_day" if listing.count_from == "end" else "over_day"
        index = next(i for i, grade in enumerate(self.policy.grades) if grade.code == listing.grade)
        most = self.policy.maximum if index == 0 else self.policy.grades[index - 1].minimum - 1
        window = "" if listing.window is None else f" AND {self._within(anchor, listing.window)}"
        return f"""\
        -- {_comment(listing.name)}（{_comment(listing.basis)}）
        SELECT subject, {most} AS most FROM considered
        WHERE {_reads(listing.categories, listing.relations)} AND state = 0{window}
          AND {closed} + INTERVAL '60 months' > {self._today()}"""

    def _no_direct(self) -> str:
        return "        SELECT subject, 0 AS most FROM considered WHERE false"

    def _columns(self) -> str:
        return "\n".join(
            f"       sum(p.points) FILTER (WHERE p.indicator = {term}) AS {indicator.code},"
            for term, indicator in self._terms()
        )

    def _grades(self) -> str:
        return "\n".join(
            f"           WHEN s.total >= {grade.minimum} THEN '{grade.code}' -- {_comment(grade.name)}"
            for grade in self.policy.grades
        )


def _comment(text: str) -> str:
    """Free text on one line: a line break would end the comment and let the rest run as SQL."""
    return " ".join(text.split())


def _interval(span: Span) -> str:
    return f"INTERVAL '{span.days} days'" if span.days else f"INTERVAL '{span.months} months'"


def _reads(uses: tuple[CategoryUse, ...], relations: tuple[str, ...]) -> str:
    any_level = sorted(use.code for use in uses if not use.levels)
    quoted = ", ".join(f"'{code}'" for code in any_level)
    parts = [f"category IN ({quoted})"] if any_level else []
    for use in uses:
        if use.levels:
            levels = ", ".join(str(level) for level in sorted(set(use.levels)))
            parts.append(f"(category = '{use.code}' AND level IN ({levels}))")
    numbers = ", ".join(str(RELATIONS[name]) for name in sorted(set(relations), key=lambda name: RELATIONS[name]))
    return f"({' OR '.join(parts)}) AND relation IN ({numbers})"


def _by_row(points: Points, what: Literal["size", "validity", "priced"]) -> str:
    """An expression over one record: its points, its validity, or whether any row prices it."""
    if points.kind == "each":
        return "true" if what == "priced" else _cell(points.rows[0], what)
    column = {"by_level": "level", "by_amount": "amount", "by_quantity": "quantity"}[points.kind]
    if what == "priced":
        if points.kind == "by_level":
            return f"level IN ({', '.join(str(row.key) for row in points.rows)})"
        return f"{column} >= {points.rows[0].key}"
    compare = "=" if points.kind == "by_level" else ">="
    rows = points.rows if points.kind == "by_level" else tuple(reversed(points.rows))
    return (
        "CASE " + " ".join(f"WHEN {column} {compare} {row.key} THEN {_cell(row, what)}" for row in rows) + " END"
    )


def _cell(row: PointsRow, what: Literal["size", "validity", "priced"]) -> str:
    def told(points: int, span: Span | None) -> str:
        if what == "size":
            return str(points)
        return "CAST(NULL AS interval)" if span is None else _interval(span)

    plain = told(row.points, row.valid_for)
    if row.performed_points is None:
        return plain
    performed = told(row.performed_points, row.performed_valid_for)
    return plain if performed == plain else f"CASE WHEN performed THEN {performed} ELSE {plain} END"

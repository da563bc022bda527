"""What the city owes a partner for a period, line by line, reconciling to the redemptions to the cent.

A redemption stands in the period it was made in, its cancellation in the period of the cancellation, with the sign
turned: a statement that has been paid is never changed afterwards, and any sequence of statements adds up to the
redemptions that stand.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

import xlsxwriter
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from backend.benefits.errors import PeriodInvalid
from backend.benefits.models import BenefitCheck, BenefitScheme, Redemption, RedemptionCancellation
from backend.city_calendar import CITY_ZONE, start_of_day

LONGEST_PERIOD = timedelta(days=366)
KIND_NAMES = {"redemption": "核销", "cancellation": "撤销"}
_COLUMNS = ("时间", "类型", "方案", "方案代码", "核销编号", "优惠前金额（元）", "结算金额（元）")


@dataclass(frozen=True)
class StatementLine:
    """`settled_cents` is negative for a cancellation. No line says who the customer was."""

    at: datetime
    kind: Literal["redemption", "cancellation"]
    scheme_code: str
    scheme_name: str
    redemption_id: UUID
    bill_cents: int | None
    settled_cents: int


@dataclass(frozen=True)
class SchemeSum:
    """`uses` counts redemptions minus cancellations of the period, so it can be negative."""

    scheme_code: str
    scheme_name: str
    uses: int
    settled_cents: int


@dataclass(frozen=True)
class Statement:
    partner_id: UUID
    first: date
    last: date
    lines: Sequence[StatementLine]

    @property
    def settled_cents(self) -> int:
        return sum(line.settled_cents for line in self.lines)

    @property
    def by_scheme(self) -> Sequence[SchemeSum]:
        sums: dict[str, SchemeSum] = {}
        for line in self.lines:
            before = sums.get(line.scheme_code)
            uses, cents = (before.uses, before.settled_cents) if before else (0, 0)
            step = 1 if line.kind == "redemption" else -1
            sums[line.scheme_code] = SchemeSum(
                line.scheme_code, line.scheme_name, uses + step, cents + line.settled_cents
            )
        return [sums[code] for code in sorted(sums)]


def statement_of(session: Session, *, partner_id: UUID, first: date, last: date) -> Statement:
    """Both days included, as days in the city. Raises PeriodInvalid."""
    if not timedelta(0) <= last - first <= LONGEST_PERIOD:
        raise PeriodInvalid(LONGEST_PERIOD.days)
    begins, ends = start_of_day(first), start_of_day(last + timedelta(days=1))
    lines = [
        StatementLine(
            one.redeemed_at, "redemption", one.scheme_code, name, one.id, one.bill_cents, one.amount_cents
        )
        for one, name in session.execute(
            _named_redemptions(partner_id).where(Redemption.redeemed_at >= begins, Redemption.redeemed_at < ends)
        )
    ]
    for one, name, cancelled_at in session.execute(
        _named_redemptions(partner_id)
        .add_columns(RedemptionCancellation.cancelled_at)
        .join(RedemptionCancellation, RedemptionCancellation.redemption_id == Redemption.id)
        .where(
            RedemptionCancellation.cancelled_at >= begins,
            RedemptionCancellation.cancelled_at < ends,
        )
    ):
        turned = -one.amount_cents
        lines.append(
            StatementLine(cancelled_at, "cancellation", one.scheme_code, name, one.id, one.bill_cents, turned)
        )
    lines.sort(key=lambda line: (line.at, line.redemption_id.hex, line.kind == "cancellation"))
    return Statement(partner_id=partner_id, first=first, last=last, lines=lines)


def _named_redemptions(partner_id: UUID) -> Select[Redemption, str]:
    """Redemptions of a partner, and what their scheme was called when the citizen was checked."""
    return (
        select(Redemption, BenefitScheme.name)
        .join(BenefitCheck, BenefitCheck.id == Redemption.check_id)
        .join(BenefitScheme, BenefitScheme.id == BenefitCheck.scheme_id)
        .where(Redemption.partner_id == partner_id)
    )


def as_csv(statement: Statement) -> bytes:
    """For spreadsheets: UTF-8 with a mark, amounts in yuan with two places, a sum at the end."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for line in statement.lines:
        writer.writerow([*_words(line), _yuan(line.bill_cents), _yuan(line.settled_cents)])
    writer.writerow(["合计", "", "", "", "", "", _yuan(statement.settled_cents)])
    return out.getvalue().encode("utf-8-sig")


def as_xlsx(statement: Statement) -> bytes:
    """Two sheets: every line, and the sums by scheme. Amounts are numbers in yuan."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        money, bold = book.add_format({"num_format": "0.00"}), book.add_format({"bold": True})
        sheet = book.add_worksheet("明细")
        sheet.write_row(0, 0, _COLUMNS, bold)
        sheet.set_column(0, 6, 18)
        for number, line in enumerate(statement.lines, start=1):
            sheet.write_row(number, 0, _words(line))
            if line.bill_cents is not None:
                sheet.write_number(number, 5, line.bill_cents / 100, money)
            sheet.write_number(number, 6, line.settled_cents / 100, money)
        sums = book.add_worksheet("合计")
        sums.write_row(0, 0, ("方案", "方案代码", "净次数", "结算金额（元）"), bold)
        sums.set_column(0, 3, 18)
        rows = [*statement.by_scheme, SchemeSum("", "合计", sum(one.uses for one in statement.by_scheme),
                                                statement.settled_cents)]  # fmt: skip
        for number, one in enumerate(rows, start=1):
            sums.write_string(number, 0, one.scheme_name)
            sums.write_string(number, 1, one.scheme_code)
            sums.write_number(number, 2, one.uses)
            sums.write_number(number, 3, one.settled_cents / 100, money)
    return out.getvalue()


def _words(line: StatementLine) -> list[str]:
    at = line.at.astimezone(CITY_ZONE).strftime("%Y-%m-%d %H:%M:%S")
    return [at, KIND_NAMES[line.kind], line.scheme_name, line.scheme_code, str(line.redemption_id)]


def _yuan(cents: int | None) -> str:
    if cents is None:
        return ""
    sign, (whole, rest) = "-" if cents < 0 else "", divmod(abs(cents), 100)
    return f"{sign}{whole}.{rest:02d}"

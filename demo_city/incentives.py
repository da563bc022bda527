"""A joint incentive under way in the demo city: one department has done something, another has still to answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.accounts.models import Officer
from backend.catalogue.service import category_in_force
from backend.city_calendar import WorkingDays, city_date
from backend.identifiers.sealing import KeyRing
from backend.joint_incentives.models import JointIncentive
from backend.joint_incentives.service import Party, feed_back, included_in, initiate, requests_of, respond
from backend.ledger.service import Actor
from backend.records.departments import department_by_code
from demo_city.opening import DEPARTMENT_OFFICER, OFFICERS

_ANSWERS = "abnormal_operation"
"""Whose department answers: the one that enterprises have most to do with."""


def start_joint_incentive(
    session: Session, manifest: Mapping[str, Any], *, keys: KeyRing, now: datetime, working_days: WorkingDays
) -> None:
    """For the model enterprise, three days ago; after `open_office`. Running it again changes nothing."""
    if session.scalars(select(JointIncentive.id).limit(1)).first():
        return
    today = city_date(now)
    answering, waiting = (
        department_by_code(session, category_in_force(session, code, today).source_department_code, today)
        for code in (_ANSWERS, DEPARTMENT_OFFICER[2])
    )
    officer = session.scalars(select(Officer).where(Officer.username == OFFICERS[0][0])).one()
    office = Party(None, officer.name, Actor("officer", str(officer.id), f"信用办 {officer.name}"))
    [model] = [one["identifier"] for one in manifest["demo_enterprises"] if one["key"] == "model_enterprise"]
    incentive = initiate(
        session,
        keys,
        party=office,
        ground="tax_a",
        matter=f"{today.year}年纳税信用A级企业联合激励",
        measures=["green_channel", "lighter_inspection", "lower_costs"],
        departments=[answering.code, waiting.code],
        identifiers=[model],
        now=now - timedelta(days=3),
        working_days=working_days,
    )
    [request] = [one for one in requests_of(session, incentive.id) if one.department_code == answering.code]
    desk = Party(answering, f"{answering.name}的系统", Actor("department", answering.code, answering.name))
    respond(
        session,
        party=desk,
        request_id=request.id,
        outcome="accepted",
        measures=["green_channel", "lighter_inspection"],
        reply="纳入绿色通道名单，本年度“双随机”抽查频次减半。",
        now=now - timedelta(days=2),
        working_days=working_days,
    )
    [included] = included_in(session, incentive, now=now)
    feed_back(
        session,
        party=desk,
        request_id=request.id,
        row_id=included.row.id,
        measure="green_channel",
        text="变更登记当场办结，缺少的章程修正案容缺受理，十个工作日内补交。",
        done_on=city_date(now - timedelta(days=1)),
        now=now - timedelta(days=1),
    )

"""The register files: residents, enterprises, organisations, and who runs which enterprise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from demo_city import names
from demo_city.dates import DASHES, written
from demo_city.draws import Index
from demo_city.population import DISTRICTS, FIRST_REGION, RECORD_DAYS, City
from demo_city.stories import ENTERPRISES

_ENTERPRISE_STATUS = ("存续", "吊销", "注销")
_ROLES = ("法定代表人", "股东", "监事", "分支机构")

_KEYS = [story.key for story in ENTERPRISES]
# By enterprise with a story: which one is its branch, and how many days ago that ended; -1 for none.
_TOLD_BRANCH = np.array([_KEYS.index(story.branch) if story.branch else -1 for story in ENTERPRISES])
_BRANCH_CLOSED = np.array([-1 if (ago := s.branch_closed_days_ago) is None else ago for s in ENTERPRISES])


@dataclass(frozen=True)
class Register:
    """One register file. `slots` rows are possible, `present` says which of them there are."""

    template: str
    filename: str
    encoding: str
    identifier: str
    slots: Callable[[City], int]
    present: Callable[[City, Index], np.ndarray]
    cells: Callable[[City, Index], pl.DataFrame]


def _everyone(_city: City, index: Index) -> np.ndarray:
    return np.ones(len(index), dtype=bool)


def _residents(city: City, who: Index) -> pl.DataFrame:
    people = city.people
    born = people.born[who].astype(np.int64)
    registered = np.minimum(born + city.draws.between("register/resident-after", who, 5, 60), city.today - 1)
    gone = people.deceased[who] | people.cancelled[who]
    gone_on = np.maximum(city.today - city.draws.between("register/gone", who, 30, 3 * RECORD_DAYS), registered)
    issued_old = (people.born[who] < city.today - 45 * 365) & city.draws.chance("register/old-number", who, 4000)
    issued_old &= people.born_before_2000(who)
    status = np.where(people.deceased[who], 1, np.where(people.cancelled[who], 2, 0))
    return pl.DataFrame(
        {
            "GMSFHM": people.numbers(who),
            "XM": people.names(who),
            "CSRQ": written(born, DASHES),
            "JZHM": people.old_numbers(who).set(pl.Series(~issued_old), None),
            **_district(people.district[who]),
            "DJRQ": written(registered, DASHES),
            "ZT": pl.Series(["正常", "死亡", "注销"]).gather(status),
            "ZXRQ": written(gone_on, DASHES, gone),
        }
    )


def _enterprises(city: City, which: Index) -> pl.DataFrame:
    enterprises = city.enterprises
    founded = enterprises.founded[which].astype(np.int64)
    status = enterprises.status[which].astype(np.int64)
    old = pl.Series(~enterprises.has_old_registration(which))
    form = city.draws.pick_weighted(
        "register/enterprise-form",
        which,
        (("有限责任公司", 86), ("股份有限公司", 6), ("个人独资企业", 4), ("合伙企业", 3), ("农民专业合作社", 1)),
    )
    gone_on = np.maximum(city.today - city.draws.between("register/enterprise-gone", which, 20, 900), founded)
    for parent, closed in enumerate(_BRANCH_CLOSED):
        if closed >= 0:
            gone_on = np.where(which == _TOLD_BRANCH[parent], city.today - closed, gone_on)
    return pl.DataFrame(
        {
            "QYXYDM": enterprises.codes(which),
            "QYMC": enterprises.names(which),
            "QYLX": form.set(pl.Series(enterprises.sole_trader[which]), "个体工商户"),
            "HYMC": pl.Series(names.TRADES).gather(enterprises.trade(which)),
            "ZCH": enterprises.old_registrations(which).set(old, None),
            "ZZJGDM": enterprises.organisation_codes(which).set(old, None),
            **_district(enterprises.district[which]),
            "CLRQ": written(founded, DASHES),
            "ZT": pl.Series(_ENTERPRISE_STATUS).gather(status),
            "ZXRQ": written(gone_on, DASHES, status > 0),
        }
    )


def _organisations(city: City, which: Index) -> pl.DataFrame:
    organisations = city.organisations
    return pl.DataFrame(
        {
            "ZZXYDM": organisations.codes(which),
            "ZZMC": organisations.names(which),
            "ZZLX": organisations.kinds(which).replace_strict(names.ORGANISATION_TYPES, return_dtype=pl.String),
            "ZZJGDM": organisations.organisation_codes(which),
            **_district(organisations.district[which]),
            "CLRQ": written(organisations.founded[which].astype(np.int64), DASHES),
            "ZT": pl.Series(["正常"]).gather(which * 0),
        }
    )


def _has_principal(city: City, slot: Index) -> np.ndarray:
    """Four slots an enterprise: legal representative always, then shareholder, supervisor, branch."""
    enterprise, role = np.divmod(slot, 4)
    there = city.draws.chance("register/principal", slot, np.array([10_000, 7_000, 4_000, 300])[role])
    # Whether an enterprise has a branch its story says.
    told = (role == 3) & (enterprise < len(ENTERPRISES))
    there = np.where(told, _TOLD_BRANCH[np.minimum(enterprise, len(ENTERPRISES) - 1)] >= 0, there)
    # A branch is an enterprise itself, and sole traders have neither branches nor supervisors.
    return np.asarray(there & ~((role >= 2) & city.enterprises.sole_trader[enterprise]))


def _principals(city: City, slot: Index) -> pl.DataFrame:
    enterprise, role = np.divmod(slot, 4)
    people, enterprises = city.people, city.enterprises
    drawn = _grown_up(city, slot)
    person = np.where(role == 0, enterprises.representative[enterprise], drawn)
    branch = pl.Series(role == 3)
    told = np.minimum(enterprise, len(ENTERPRISES) - 1)
    # Some other enterprise without a story, unless the story names the branch.
    count = city.size.enterprises - len(ENTERPRISES)
    other = enterprise - len(ENTERPRISES) + 1 + city.draws.below("register/branch", slot, count - 1)
    other = np.where(enterprise < len(ENTERPRISES), _TOLD_BRANCH[told], len(ENTERPRISES) + other % count)
    founded = enterprises.founded[enterprise].astype(np.int64)
    resigned = (role > 0) & (enterprise >= len(ENTERPRISES)) & city.draws.chance("register/resigned", slot, 800)
    resigned_on = np.maximum(city.today - city.draws.between("register/resigned-on", slot, 10, 900), founded)
    closed = (role == 3) & (enterprise < len(ENTERPRISES)) & (_BRANCH_CLOSED[told] >= 0)
    resigned, resigned_on = resigned | closed, np.where(closed, city.today - _BRANCH_CLOSED[told], resigned_on)
    return pl.DataFrame(
        {
            "QYXYDM": enterprises.codes(enterprise),
            "QYMC": enterprises.names(enterprise),
            "RYXM": enterprises.names(other).zip_with(branch, people.names(person)),
            "RYZJHM": enterprises.codes(other).zip_with(branch, people.numbers(person)),
            "JS": pl.Series(_ROLES).gather(role),
            "QSRQ": written(founded, DASHES),
            "ZZRQ": written(resigned_on, DASHES, resigned),
        }
    )


def _grown_up(city: City, slot: Index) -> Index:
    """Some resident over 25 without a story; the first that a few draws find, else some representative."""
    chosen = city.enterprises.representative[slot // 4]
    for turn in range(6, 0, -1):
        candidate = city.draws.below(f"register/principal/{turn}", slot, city.people.count)
        chosen = np.where(city.people.aged(25)[candidate], candidate, chosen)
    return chosen


def _district(district: np.ndarray) -> dict[str, pl.Series]:
    place = district.astype(np.int64)
    return {
        "QXDM": pl.Series(FIRST_REGION + place).cast(pl.String),
        "QXMC": pl.Series(DISTRICTS).gather(place),
    }


REGISTERS = (
    Register(
        "resident_register", "自然人登记册", "utf-8", "GMSFHM", lambda c: c.people.count, _everyone, _residents
    ),
    Register(
        "enterprise_register",
        "企业登记册",
        "utf-8-sig",
        "QYXYDM",
        lambda c: c.enterprises.count,
        _everyone,
        _enterprises,
    ),
    Register(
        "organisation_register",
        "非企业组织登记册",
        "utf-8",
        "ZZXYDM",
        lambda c: c.organisations.count,
        _everyone,
        _organisations,
    ),
    Register(
        "principal_register",
        "企业主要人员登记册",
        "utf-8",
        "RYZJHM",
        lambda c: c.enterprises.count * 4,
        _has_principal,
        _principals,
    ),
)

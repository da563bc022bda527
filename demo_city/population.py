"""Who lives and works in the city: a few whole numbers per subject, from which everything else is derived.

Memory is about 20 bytes a resident; names and identity numbers are only written out chunk by chunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import polars as pl

from demo_city import names, numbers
from demo_city.dates import as_digits, day_number
from demo_city.draws import Draws, Index, Sampler
from demo_city.stories import CITIZENS, ENTERPRISES

CITY_NAME = "桂城市"
FIRST_REGION = 990001
NOBODYS_REGION = 990007
"""Numbers in this region are well formed and belong to no one in the registers."""

DISTRICTS = ("金桂区", "银桂区", "丹桂区", "月湖区", "秋山县", "云台县")
_DISTRICT_WEIGHTS = (28, 22, 18, 14, 10, 8)

# Residents per five-year band of age, per thousand.
_AGE_BANDS = (41, 62, 64, 56, 54, 66, 88, 75, 67, 81, 87, 73, 53, 53, 36, 22, 14, 6, 2)
_BAND_DAYS = 1826

RECORD_DAYS = 1826
"""Deliveries cover the five years before the as-of date."""

CANCELLED = 2
"""The status of an enterprise that was taken off the register (注销); 0 is in business, 1 revoked."""

SMALLEST = {"residents": 100, "enterprises": 20, "organisations": 5}


class CityTooSmall(ValueError):
    """The storied citizens and every kind of record need a minimum of neighbours."""


@dataclass(frozen=True)
class CitySize:
    """How many of each. `records` counts matters; duplicates and withdrawals come on top (about 1 %)."""

    residents: int = 20_000
    enterprises: int = 2_000
    organisations: int = 100
    records: int = 300_000

    def __post_init__(self) -> None:
        for what, least in SMALLEST.items():
            if getattr(self, what) < least:
                raise CityTooSmall(f"{what}: at least {least}")
        if self.records < self.residents:
            raise CityTooSmall("records: at least one for each resident")
        if self.enterprises > 5_000_000 or self.organisations > 1_000_000:
            raise CityTooSmall("at most 5,000,000 enterprises and 1,000,000 organisations have a code")


class People:
    """The residents. Index 0 … len(CITIZENS)-1 are those with a story."""

    def __init__(self, draws: Draws, count: int, as_of: date) -> None:
        self.draws = draws
        self.count = count
        self.as_of = day_number(as_of)
        self.all: Index = np.arange(count, dtype=np.int64)
        band = draws.weighted("people/age-band", self.all, _AGE_BANDS)
        age_days = band * _BAND_DAYS + draws.below("people/age-day", self.all, _BAND_DAYS)
        age_days[: len(CITIZENS)] = [story.age_days for story in CITIZENS]
        self.born = (self.as_of - age_days).astype(np.int32)
        self.district = draws.weighted("people/district", self.all, _DISTRICT_WEIGHTS).astype(np.int8)
        self.order = self._orders()
        self.deceased = draws.chance("people/deceased", self.all, np.where(band >= 13, 300, 8))
        self.cancelled = ~self.deceased & draws.chance("people/cancelled", self.all, 25)
        self.deceased[: len(CITIZENS)] = self.cancelled[: len(CITIZENS)] = False

    def _orders(self) -> np.ndarray:
        """An order number of its own for everyone born on the same day in the same district.

        Counting up by 7 modulo 995 meets every order before it repeats, and never one of 996 to 999, which
        were kept for people over a hundred.
        """
        cell = self.district.astype(np.int64) * 100_000 + self.born
        by_cell = np.argsort(cell, kind="stable")
        ordered = cell[by_cell]
        first_of_cell = np.concatenate(([True], ordered[1:] != ordered[:-1]))
        starts = np.flatnonzero(first_of_cell)
        rank = np.arange(self.count) - np.repeat(starts, np.diff(np.append(starts, self.count)))
        if rank.max() >= 995:
            raise CityTooSmall("more than 995 residents of a district were born on one day")
        order = np.empty(self.count, dtype=np.int16)
        order[by_cell] = 1 + (rank * 7 + self.draws.below("people/order", ordered, 995)) % 995
        return order

    def region(self, who: Index) -> Index:
        return FIRST_REGION + self.district[who].astype(np.int64)

    def numbers(self, who: Index) -> pl.Series:
        return numbers.citizen_numbers(
            self.region(who), as_digits(self.born[who].astype(np.int64)), self.order[who].astype(np.int64)
        )

    def strangers_numbers(self, who: Index) -> pl.Series:
        """Well-formed numbers that no register knows."""
        region = np.full(len(who), NOBODYS_REGION, dtype=np.int64)
        return numbers.citizen_numbers(
            region, as_digits(self.born[who].astype(np.int64)), self.order[who].astype(np.int64)
        )

    def old_numbers(self, who: Index) -> pl.Series:
        """15 digits; only meaningful where `born_before_2000`."""
        return numbers.old_citizen_numbers(
            self.region(who), as_digits(self.born[who].astype(np.int64)), self.order[who].astype(np.int64)
        )

    def born_before_2000(self, who: Index) -> np.ndarray:
        return self.born[who] < day_number(date(2000, 1, 1))

    def names(self, who: Index) -> pl.Series:
        drawn = names.person_names(self.draws, who)
        storied = pl.Series([story.name for story in CITIZENS]).gather(np.minimum(who, len(CITIZENS) - 1))
        return storied.zip_with(pl.Series(who < len(CITIZENS)), drawn)

    def aged(self, youngest_years: int) -> np.ndarray:
        """Living residents without a story who are at least this old."""
        old_enough = self.as_of - self.born >= youngest_years * 366
        old_enough &= ~(self.deceased | self.cancelled)
        old_enough[: len(CITIZENS)] = False
        return old_enough

    @cached_property
    def conduct(self) -> Index:
        """0 … 9999, the lower the more trouble; shared by everything that is negative."""
        return self.draws.below("people/conduct", self.all, 10_000).astype(np.int16)

    @cached_property
    def spirit(self) -> Index:
        """0 … 9999, the lower the more public-spirited; shared by everything that is done for others."""
        return self.draws.below("people/spirit", self.all, 10_000).astype(np.int16)


class Enterprises:
    """Index 0 … len(ENTERPRISES)-1 are those with a story."""

    def __init__(self, draws: Draws, count: int, as_of: date, people: People) -> None:
        self.draws = draws
        self.count = count
        self.all: Index = np.arange(count, dtype=np.int64)
        self.as_of = day_number(as_of)
        young = draws.chance("enterprises/young", self.all, 1500)
        age = np.where(
            young,
            draws.between("enterprises/young-age", self.all, 60, RECORD_DAYS),
            draws.between("enterprises/age", self.all, RECORD_DAYS + 30, 9000),
        )
        age[: len(ENTERPRISES)] = 5200
        self.founded = (self.as_of - age).astype(np.int32)
        self.district = draws.weighted("enterprises/district", self.all, _DISTRICT_WEIGHTS).astype(np.int8)
        self.sole_trader = draws.chance("enterprises/sole-trader", self.all, 2000)
        self.sole_trader[: len(ENTERPRISES)] = False
        self.status = draws.weighted("enterprises/status", self.all, (960, 10, 30)).astype(np.int8)
        self.status[: len(ENTERPRISES)] = 0
        founders = Sampler((people.aged(25) & ~people.aged(70)).astype(np.int64))
        self.representative = founders.sample(draws, "enterprises/representative", self.all)
        keys = [story.key for story in ENTERPRISES]
        for index, story in enumerate(ENTERPRISES):
            if story.branch is not None and story.branch_closed_days_ago is not None:
                self.status[keys.index(story.branch)] = CANCELLED
            if story.representative is not None:
                self.representative[index] = [c.key for c in CITIZENS].index(story.representative)
        self.conduct = draws.below("enterprises/conduct", self.all, 10_000)

    def region(self, which: Index) -> Index:
        return FIRST_REGION + self.district[which].astype(np.int64)

    def organisation_codes(self, which: Index) -> pl.Series:
        series = pl.Series(["MA", "MB", "MC", "ME", "MF"]).gather(which // 1_000_000)
        # 7919 has no factor in common with a million, so serials stay distinct without counting up.
        return numbers.organisation_codes(series, (which * 7919 + 104_729) % 1_000_000)

    def codes(self, which: Index) -> pl.Series:
        return self._codes(which, self.region(which))

    def strangers_codes(self, which: Index) -> pl.Series:
        """Well-formed codes that no register knows."""
        return self._codes(which, np.full(len(which), NOBODYS_REGION, dtype=np.int64))

    def _codes(self, which: Index, region: Index) -> pl.Series:
        kind = pl.Series(["91", "92"]).gather(self.sole_trader[which].astype(np.int64))
        return numbers.social_credit_codes(kind, region, self.organisation_codes(which))

    def has_old_registration(self, which: Index) -> np.ndarray:
        return self.founded[which] < day_number(date(2015, 10, 1))

    def old_registrations(self, which: Index) -> pl.Series:
        return numbers.registration_numbers(self.region(which), 20_000_000 + which)

    def names(self, which: Index) -> pl.Series:
        d = self.draws
        company = (
            pl.Series([CITY_NAME]).gather(np.zeros(len(which), dtype=np.int64))
            + names.trade_names(d, which, "enterprises/name")
            + pl.Series(names.TRADES).gather(self.trade(which))
        )
        ending = d.pick_weighted("enterprises/form", which, [("有限公司", 85), ("股份有限公司", 5), ("厂", 10)])
        ending = pl.Series(["经营部"] * len(which), dtype=pl.String).zip_with(
            pl.Series(self.sole_trader[which]), ending
        )
        storied = pl.Series([story.name for story in ENTERPRISES]).gather(np.minimum(which, len(ENTERPRISES) - 1))
        return storied.zip_with(pl.Series(which < len(ENTERPRISES)), company + ending)

    def trade(self, which: Index) -> Index:
        return self.draws.below("enterprises/trade", which, len(names.TRADES))

    def recorded(self) -> np.ndarray:
        """Those that were in business over the whole time of the records, and have no story."""
        old_enough = self.as_of - self.founded > RECORD_DAYS
        old_enough[: len(ENTERPRISES)] = False
        return old_enough


class Organisations:
    def __init__(self, draws: Draws, count: int, as_of: date) -> None:
        self.draws = draws
        self.count = count
        self.all: Index = np.arange(count, dtype=np.int64)
        self.founded = (day_number(as_of) - draws.between("organisations/age", self.all, 2500, 12_000)).astype(
            np.int32
        )
        self.district = draws.weighted("organisations/district", self.all, _DISTRICT_WEIGHTS).astype(np.int8)
        self._kinds = tuple(names.ORGANISATION_NAMES)
        self.kind = draws.weighted("organisations/kind", self.all, (10, 35, 25, 25, 5)).astype(np.int8)

    def region(self, which: Index) -> Index:
        return FIRST_REGION + self.district[which].astype(np.int64)

    def kinds(self, which: Index) -> pl.Series:
        return pl.Series(self._kinds).gather(self.kind[which].astype(np.int64))

    def organisation_codes(self, which: Index) -> pl.Series:
        return numbers.organisation_codes(
            pl.Series(["MD"]).gather(which * 0), (which * 7919 + 350_377) % 1_000_000
        )

    def codes(self, which: Index) -> pl.Series:
        return numbers.social_credit_codes(self.kinds(which), self.region(which), self.organisation_codes(which))

    def strangers_codes(self, which: Index) -> pl.Series:
        """Well-formed codes that no register knows."""
        region = np.full(len(which), NOBODYS_REGION, dtype=np.int64)
        return numbers.social_credit_codes(self.kinds(which), region, self.organisation_codes(which))

    def names(self, which: Index) -> pl.Series:
        endings = pl.Series([""] * len(which), dtype=pl.String)
        for place, kind in enumerate(self._kinds):
            of_kind = self.draws.pick(f"organisations/name/{kind}", which, names.ORGANISATION_NAMES[kind])
            endings = of_kind.zip_with(pl.Series(self.kind[which] == place), endings)
        district = pl.Series(DISTRICTS).gather(self.district[which].astype(np.int64))
        return CITY_NAME + district + names.trade_names(self.draws, which, "organisations/name") + endings


@dataclass(frozen=True)
class City:
    """Everyone in the city, and the chance from which their records are drawn."""

    draws: Draws
    as_of: date
    size: CitySize
    people: People
    enterprises: Enterprises
    organisations: Organisations

    @property
    def today(self) -> int:
        return day_number(self.as_of)


def found_city(seed: int, as_of: date, size: CitySize) -> City:
    draws = Draws(seed)
    people = People(draws, size.residents, as_of)
    return City(
        draws=draws,
        as_of=as_of,
        size=size,
        people=people,
        enterprises=Enterprises(draws, size.enterprises, as_of, people),
        organisations=Organisations(draws, size.organisations, as_of),
    )

"""Whom each row of a delivery is about."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from demo_city.draws import Index, Sampler
from demo_city.population import City

PERSON, ENTERPRISE, ORGANISATION = 0, 1, 2


class Parties:
    """The subjects of some rows: `kind` says of which register, `who` the index in it."""

    def __init__(self, city: City, kind: np.ndarray, who: Index) -> None:
        self.city = city
        self.kind = kind
        self.who = who

    @property
    def is_person(self) -> np.ndarray:
        return np.asarray(self.kind == PERSON)

    @property
    def is_enterprise(self) -> np.ndarray:
        return np.asarray(self.kind == ENTERPRISE)

    def names(self) -> pl.Series:
        return self._each(self.city.people.names, self.city.enterprises.names, self.city.organisations.names)

    def identifiers(self) -> pl.Series:
        """Citizen number or 统一社会信用代码."""
        return self._each(self.city.people.numbers, self.city.enterprises.codes, self.city.organisations.codes)

    def strangers(self) -> pl.Series:
        """An identifier of the same form that no register knows."""
        return self._each(
            self.city.people.strangers_numbers,
            self.city.enterprises.strangers_codes,
            self.city.organisations.strangers_codes,
        )

    def old_citizen_numbers(self) -> pl.Series:
        return self._each(self.city.people.old_numbers, None, None)

    def old_registrations(self) -> pl.Series:
        return self._each(None, self.city.enterprises.old_registrations, None)

    def has_old_citizen_number(self) -> np.ndarray:
        born_before = self.city.people.born_before_2000(np.where(self.is_person, self.who, 0))
        return np.asarray(self.is_person & born_before)

    def has_old_registration(self) -> np.ndarray:
        registered = self.city.enterprises.has_old_registration(np.where(self.is_enterprise, self.who, 0))
        return np.asarray(self.is_enterprise & registered)

    def labels(self) -> pl.Series:
        """主体类别 as the templates write it."""
        sole_trader = (
            self.is_enterprise & self.city.enterprises.sole_trader[np.where(self.is_enterprise, self.who, 0)]
        )
        place = np.where(self.is_person, 0, np.where(sole_trader, 2, 1))
        return pl.Series(["自然人", "法人及非法人组织", "个体工商户"]).gather(place)

    def only_persons(self, text: pl.Series) -> pl.Series:
        return text.set(pl.Series(~self.is_person), None)

    def without_persons(self, text: pl.Series) -> pl.Series:
        return text.set(pl.Series(self.is_person), None)

    def representative_names(self) -> pl.Series:
        """Of the legal representative; an organisation's is some resident too."""
        return self._each(
            None,
            lambda which: self.city.people.names(self.city.enterprises.representative[which]),
            lambda which: self.city.people.names(which),
        )

    def representative_numbers(self) -> pl.Series:
        return self._each(
            None,
            lambda which: self.city.people.numbers(self.city.enterprises.representative[which]),
            lambda which: self.city.people.numbers(which),
        )

    def _each(self, *makers: Callable[[Index], pl.Series] | None) -> pl.Series:
        """Make the text register by register, so that nothing is worked out for rows it does not concern."""
        parts: list[pl.Series] = []
        place = np.zeros(len(self.who), dtype=np.int64)
        made = 0
        for kind, make in enumerate(makers):
            rows = np.flatnonzero(self.kind == kind) if make else np.empty(0, dtype=np.int64)
            if make and len(rows):
                parts.append(make(self.who[rows]).cast(pl.String))
            place[rows] = made + np.arange(len(rows))
            if make is None:
                place[self.kind == kind] = -1
            made += len(rows)
        parts.append(pl.Series([None], dtype=pl.String))
        return pl.concat(parts).gather(np.where(place < 0, made, place))


class Crowd:
    """Who a delivery is about: how often each kind of subject, and how likely each subject of a kind."""

    def __init__(
        self, city: City, shares: tuple[int, int, int], person: Index | None, enterprise: Index | None
    ) -> None:
        self._city = city
        self._shares = shares
        self._person = Sampler(person) if person is not None else None
        self._enterprise = Sampler(enterprise) if enterprise is not None else None

    def parties(self, stream: str, rows: Index) -> Parties:
        draws = self._city.draws
        kind = draws.weighted(f"{stream}/party", rows, self._shares)
        who = draws.below(f"{stream}/organisation", rows, self._city.organisations.count)
        for place, sampler in ((PERSON, self._person), (ENTERPRISE, self._enterprise)):
            if sampler is not None:
                chosen = kind == place
                who[chosen] = sampler.sample(draws, f"{stream}/subject", rows[chosen])
        return Parties(self._city, kind, who)

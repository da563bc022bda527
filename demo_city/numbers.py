"""Identity numbers by the million: the arithmetic of `backend.identifiers`, over whole columns at once."""

from __future__ import annotations

import numpy as np
import polars as pl

from demo_city.draws import Index

CITIZEN_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2], dtype=np.int64)
CITIZEN_CHECKS = pl.Series(list("10X98765432"))

CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CODE_WEIGHTS = np.array([1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28], dtype=np.int64)
ORGANISATION_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2], dtype=np.int64)
ORGANISATION_CHECKS = pl.Series(list("0X987654321"))


def citizen_numbers(region: Index, birth_digits: Index, order: Index) -> pl.Series:
    """18 characters. `birth_digits` is YYYYMMDD as a number, `order` 1 to 999."""
    body = region * 10**11 + birth_digits * 1000 + order
    checks = (_digits(body, 17) @ CITIZEN_WEIGHTS) % 11
    return pl.Series(body).cast(pl.String) + CITIZEN_CHECKS.gather(checks)


def old_citizen_numbers(region: Index, birth_digits: Index, order: Index) -> pl.Series:
    """15 digits, for those born in the twentieth century."""
    return pl.Series(region * 10**9 + birth_digits % 1_000_000 * 1000 + order).cast(pl.String)


def organisation_codes(prefix: pl.Series, serial: Index) -> pl.Series:
    """9 characters: two capitals, a six-digit serial, the check character (GB 11714)."""
    body = prefix + pl.Series(serial).cast(pl.String).str.zfill(6)
    values = _values(body, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return body + ORGANISATION_CHECKS.gather((values @ ORGANISATION_WEIGHTS) % 11)


def social_credit_codes(kind: pl.Series, region: Index, organisation_code: pl.Series) -> pl.Series:
    """18 characters: authority and type (2), region, organisation code, check character (GB 32100)."""
    body = kind + pl.Series(region).cast(pl.String) + organisation_code
    checks = -(_values(body, CODE_ALPHABET) @ CODE_WEIGHTS) % 31
    return body + pl.Series(list(CODE_ALPHABET)).gather(checks)


def registration_numbers(region: Index, serial: Index) -> pl.Series:
    """15 digits: region, an eight-digit serial, the check digit (ISO 7064 mod 11,10)."""
    body = region * 10**8 + serial
    check = np.full(len(body), 5, dtype=np.int64)
    for digit in _digits(body, 14).T:
        check = (np.where(check == 0, 10, check) * 2 % 11 + digit) % 10
    check = (1 - np.where(check == 0, 10, check) * 2 % 11) % 10
    return pl.Series(body * 10 + check).cast(pl.String)


def _digits(numbers: Index, width: int) -> Index:
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return numbers[:, None] // powers % 10


def _values(texts: pl.Series, alphabet: str) -> Index:
    """One row per text, the place of each character in the alphabet."""
    if texts.is_empty():
        return np.zeros((0, 0), dtype=np.int64)
    table = np.zeros(128, dtype=np.int64)
    table[np.frombuffer(alphabet.encode(), dtype=np.uint8)] = np.arange(len(alphabet))
    width = len(texts[0])
    joined = np.frombuffer("".join(texts.to_list()).encode(), dtype=np.uint8)
    return table[joined.reshape(len(texts), width)]

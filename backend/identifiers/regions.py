"""Which six-digit region codes (GB/T 2260 行政区划代码) have ever been assigned."""

from __future__ import annotations

from functools import lru_cache

from stdnum import numdb

# Residence permits of people from Hong Kong, Macao and Taiwan (港澳台居民居住证, since 2018) carry these
# instead of a county; the published list has neither 830000 nor the national 100000 of central registers.
_BEYOND_THE_LIST = frozenset({"100000", "810000", "820000", "830000"})


@lru_cache(maxsize=65_536)
def is_known_region(code: str) -> bool:
    """Whether the code is or was a province, prefecture or county. Six digits."""
    if code in _BEYOND_THE_LIST:
        return True
    return any("county" in properties for _, properties in numdb.get("cn/loc").info(code))


@lru_cache(maxsize=128)
def is_known_province(code: str) -> bool:
    """Two digits."""
    return any("province" in properties for _, properties in numdb.get("cn/loc").info(code))

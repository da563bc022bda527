from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from backend.ephemeral import StoreUnavailable, open_store
from backend.ephemeral.store import InProcessStore
from tests.servers import free_port


def test_of_many_takers_exactly_one_gets_the_value(store):
    key = str(uuid4())
    store.put(key, b"code", ttl_seconds=30)
    with ThreadPoolExecutor(16) as pool:
        taken = list(pool.map(lambda _: store.take(key), range(64)))
    assert [value for value in taken if value] == [b"code"]


def test_a_count_starts_anew_with_each_window_and_grows_by_one(store):
    key = str(uuid4())
    assert [store.count(key, window_seconds=30) for _ in range(3)] == [1, 2, 3]


def test_what_was_forgotten_is_gone(store):
    key = str(uuid4())
    store.put(key, b"x", ttl_seconds=30)
    store.forget(key)
    assert store.get(key) is None


def test_a_value_ends_with_its_time_to_live():
    clock = [0.0]
    store = InProcessStore(monotonic=lambda: clock[0])
    store.put("code", b"x", ttl_seconds=60)
    clock[0] = 59.9
    assert store.get("code") == b"x"
    clock[0] = 60.0
    assert store.take("code") is None


def test_a_counter_never_outlives_its_window():
    clock = [0.0]
    store = InProcessStore(monotonic=lambda: clock[0])
    assert store.count("limit", window_seconds=60) == 1
    clock[0] = 61.0
    assert store.count("limit", window_seconds=60) == 1


@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.put("k", b"v", ttl_seconds=1),
        lambda store: store.get("k"),
        lambda store: store.take("k"),
        lambda store: store.forget("k"),
        lambda store: store.count("k", window_seconds=1),
        lambda store: store.ping(),
    ],
)
def test_a_lost_redis_is_said_and_not_hidden(use):
    store = open_store(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(StoreUnavailable):
        use(store)

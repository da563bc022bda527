from __future__ import annotations

from uuid import uuid4

import pytest


class OwnCorner:
    """A store in which a test meets no counter of an earlier test: the Redis is shared by the whole suite."""

    def __init__(self, store):
        self.store = store
        self.prefix = f"{uuid4()}:"

    def put(self, key, value, *, ttl_seconds):
        self.store.put(self.prefix + key, value, ttl_seconds=ttl_seconds)

    def get(self, key):
        return self.store.get(self.prefix + key)

    def take(self, key):
        return self.store.take(self.prefix + key)

    def forget(self, key):
        self.store.forget(self.prefix + key)

    def count(self, key, *, window_seconds):
        return self.store.count(self.prefix + key, window_seconds=window_seconds)

    def ping(self):
        self.store.ping()


@pytest.fixture
def store(store):
    return OwnCorner(store)

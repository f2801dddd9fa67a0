"""Ids in the order of time."""

import time

import pytest

from tintype_gateway.ledger.ordered_ids import ordered_hex


def test_later_ids_come_after_earlier_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [0, 10**6, 1_800_000_000 * 10**9, 1_800_000_001 * 10**9]
    clock = iter(moments)
    monkeypatch.setattr(time, "time_ns", lambda: next(clock))

    ids = [ordered_hex() for _ in moments]

    assert ids == sorted(ids)
    assert {len(each) for each in ids} == {32}


def test_ids_of_one_moment_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_800_000_000 * 10**9)

    assert len({ordered_hex() for _ in range(1000)}) == 1000

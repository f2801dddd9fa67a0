"""The current catalog, swapped as a whole or left as it is."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.catalog.store import CatalogStatus, CatalogStore
from tintype_gateway.errors import UnavailableError
from tintype_gateway.observability.metrics import REGISTRY
from tintype_testing.manifests import compiled, image_model

ONE = compiled(image_model("one"))
TWO = compiled(image_model("two"))


def loads(source: str, result: str) -> float:
    labels = {"source": source, "result": result}
    return REGISTRY.get_sample_value("tintype_catalog_loads_total", labels) or 0.0


def test_before_the_first_catalog_requests_get_a_retryable_error() -> None:
    store = CatalogStore()
    with pytest.raises(UnavailableError, match="no catalog yet") as refusal:
        store.current()
    assert (refusal.value.status, refusal.value.code, refusal.value.retry) == (
        *(503, "catalog_unavailable"),
        True,
    )
    assert store.catalog is None
    assert store.status() == CatalogStatus(None, None, None, None, None)


def test_a_newer_catalog_takes_the_place_of_the_older_one() -> None:
    store = CatalogStore()
    assert store.offer(ONE, 1, "test")
    assert store.offer(TWO, 2, "test")
    assert store.catalog is TWO
    assert (store.current().sequence, store.current().revision) == (2, TWO.revision())


@pytest.mark.parametrize("sequence", [5, 4, 0])
def test_a_catalog_that_is_not_newer_is_ignored(sequence: int) -> None:
    store = CatalogStore()
    store.offer(ONE, 5, "test")
    assert not store.offer(TWO, sequence, "test")
    assert store.catalog is ONE


@given(st.lists(st.integers(0, 100), min_size=1))
def test_the_highest_sequence_wins_in_any_order_of_arrival(sequences: list[int]) -> None:
    store = CatalogStore()
    taken = [store.offer(ONE, sequence, "test") for sequence in sequences]
    assert store.current().sequence == max(sequences)
    assert sum(taken) == len({max(sequences[: end + 1]) for end in range(len(sequences))})


def test_a_request_keeps_the_catalog_that_it_started_with() -> None:
    store = CatalogStore()
    store.offer(ONE, 1, "test")
    snapshot = store.current()
    store.offer(TWO, 2, "test")
    assert list(snapshot.models) == ["one"]


def test_a_rejected_catalog_leaves_the_last_good_one() -> None:
    store = CatalogStore()
    store.offer(ONE, 1, "test")
    store.reject(ValueError("the digest is wrong"), "mount")
    assert store.catalog is ONE
    assert store.status().last_error == "mount: the digest is wrong"


def test_a_good_catalog_ends_the_last_error() -> None:
    store = CatalogStore()
    store.reject(ValueError("broken"), "folder")
    store.offer(ONE, 1, "folder")
    assert store.status().last_error is None


def test_the_status_shows_the_served_catalog_and_its_time() -> None:
    store, before = CatalogStore(), time.time()
    store.offer(ONE, 7, "test")
    status = store.status()
    assert (status.sequence, status.digest) == (7, ONE.revision())
    assert status.loaded_at is not None
    assert before <= status.loaded_at <= time.time()


def test_metrics_count_arrivals_by_channel_and_result() -> None:
    store = CatalogStore()
    before = loads("a-channel", "loaded"), loads("a-channel", "rejected")
    store.offer(ONE, 41, "a-channel")
    store.offer(TWO, 40, "a-channel")
    store.reject(ValueError("broken"), "a-channel")
    after = loads("a-channel", "loaded"), loads("a-channel", "rejected")
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)
    assert REGISTRY.get_sample_value("tintype_catalog_sequence") == 41

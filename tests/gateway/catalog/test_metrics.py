"""The metrics tell of the catalog that is served now, and of no other."""

from datetime import date

from prometheus_client import generate_latest

from tintype_catalog.catalog import Catalog
from tintype_gateway.catalog.metrics import show
from tintype_gateway.catalog.snapshot import Snapshot
from tintype_gateway.observability.metrics import REGISTRY
from tintype_testing.gateway import catalog_of
from tintype_testing.manifests import image_model, provider_binding
from tintype_testing.metrics import metric


def catalog(**lifecycle: str) -> Catalog:
    model = image_model(lifecycle=lifecycle)
    return catalog_of([model, provider_binding()], "http://127.0.0.1:9")


def series(name: str) -> list[str]:
    lines = generate_latest(REGISTRY).decode().splitlines()
    return [line for line in lines if line.startswith(name)]


def test_the_revision_that_is_served_is_the_only_one() -> None:
    first, second = (Snapshot.of(catalog(retiresOn=day), 1) for day in ("2030-01-01", "2030-01-02"))

    show(first, loaded_at=5.0)
    show(second, loaded_at=7.0)

    assert series("tintype_catalog_info") == [
        f'tintype_catalog_info{{revision="{second.revision}"}} 1.0'
    ]
    assert metric("tintype_catalog_loaded_timestamp_seconds") == 7.0


def test_dates_are_midnights_in_utc() -> None:
    show(Snapshot.of(catalog(deprecatedOn="2026-11-01", retiresOn="2027-01-01"), 1), loaded_at=0)

    day = (date(2027, 1, 1) - date(1970, 1, 1)).days
    assert metric("tintype_model_retirement_timestamp_seconds", model="canvas") == day * 86400
    day = (date(2026, 11, 1) - date(1970, 1, 1)).days
    assert metric("tintype_model_deprecation_timestamp_seconds", model="canvas") == day * 86400


def test_a_model_without_an_end_has_no_series() -> None:
    show(Snapshot.of(catalog(retiresOn="2027-01-01"), 1), loaded_at=0)
    show(Snapshot.of(catalog(), 2), loaded_at=0)

    assert series("tintype_model_retirement_timestamp_seconds") == []

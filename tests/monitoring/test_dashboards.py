"""A real Prometheus scrapes a real run: every query of the dashboards and alerts has data."""

import asyncio
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.monitoring import dashboards
from tintype_testing.monitoring.prometheus import Prometheus
from tintype_testing.monitoring.rehearsal import Rehearsal, rehearsal
from tintype_testing.monitoring.rules import alerts
from tintype_testing.waiting import eventually_blocking
from tools.dashboard_images import drawn

EMPTY_ON_A_GOOD_DAY = {
    "Credits above their hold",
    "Jobs that wait",  # none waits when the ledger is asked
    "Age of the oldest job that waits",
    "Jobs that changed their gateway",
}
"""Panels that have no data in this run."""

PANELS = [
    pytest.param(panel, id=f"{name}: {panel.title}")
    for name in dashboards.names()
    for panel in dashboards.panels(name)
]


@pytest.fixture(scope="module")
def run(
    cluster_with_crds: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rehearsal]:
    """A run in which every kind of request has happened, scraped twice afterwards."""
    namespace = cluster_with_crds.create_namespace()
    with rehearsal(cluster_with_crds, namespace, tmp_path_factory.mktemp("run")) as run:
        asyncio.run(run.traffic(rounds=3, pause_seconds=1))
        run.edit("GPT Image 2, edited")
        asyncio.run(run.traffic(rounds=3, pause_seconds=1))
        _wait_for_scrapes(run.prometheus)
        yield run


def _wait_for_scrapes(prometheus: Prometheus) -> None:
    """Wait for two more scrapes, so that rates include what has just happened."""
    query = 'scrape_samples_scraped{job="gateway"}'
    count = "count_over_time(up{job='gateway'}[1h])"
    eventually_blocking(lambda: prometheus.query(query), "a scrape")
    scrapes = float(prometheus.query(count)[0]["value"][1])
    eventually_blocking(
        lambda: float(prometheus.query(count)[0]["value"][1]) >= scrapes + 2, "two scrapes"
    )


def test_both_programs_are_scraped_without_errors(run: Rehearsal) -> None:
    # A single scrape of a busy machine may take more than its second.
    eventually_blocking(
        lambda: run.prometheus.targets() == {"gateway": "up", "operator": "up"}, "both programs"
    )


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_shows_data(run: Rehearsal, panel: dashboards.Panel) -> None:
    found = [
        series
        for target in panel.targets
        for series in run.prometheus.query(dashboards.filled_in(target.query, rate="5m", span="1h"))
    ]

    if panel.title not in EMPTY_ON_A_GOOD_DAY:
        assert [series for series in found if series["value"][1] != "NaN"]


@pytest.mark.parametrize("name", dashboards.names())
def test_a_dashboard_can_be_drawn(run: Rehearsal, name: str) -> None:
    image = ElementTree.fromstring(drawn(name, run))  # noqa: S314 - of our own making

    shown = {element.text for element in image.iter()}
    assert {panel.title for panel in dashboards.panels(name)} <= shown


def test_every_alert_is_evaluated_without_an_error(run: Rehearsal) -> None:
    def evaluated() -> bool:
        return all(rule["health"] != "unknown" for rule in run.prometheus.rules())

    eventually_blocking(evaluated, "an evaluation of every alert")

    rules = run.prometheus.rules()
    assert {rule["name"] for rule in rules} == {rule["alert"] for rule in alerts()}
    assert {rule["name"]: rule["health"] for rule in rules if rule["health"] != "ok"} == {}


def test_the_counters_agree_with_the_clients(run: Rehearsal) -> None:
    def total(query: str) -> float:
        return float(run.prometheus.query(query)[0]["value"][1])

    completed = total(
        'sum(tintype_http_requests_total{route="/v1/images/generations", status="200"})'
    )
    delivered = total("sum(tintype_images_generated_total)")
    withheld = total('sum(tintype_images_refused_total{provider="bedrock"})')
    by_jobs = total('sum(tintype_jobs_ended_total{status="completed"})')
    assert delivered == completed - withheld + by_jobs
    assert total("sum(tintype_holds_outstanding)") == 0
    assert total("sum(tintype_provider_bytes_in_flight)") == 0

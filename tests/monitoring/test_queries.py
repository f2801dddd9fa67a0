"""Every query of the dashboards and alerts uses exported metrics, and is documented."""

import re
from html import escape
from pathlib import Path

import pytest

from tests.monitoring.exported import TARGET_LABELS, documented_labels, exported
from tests.monitoring.promql import groupings_of, metrics_of
from tintype_testing.monitoring import dashboards
from tintype_testing.monitoring.rules import alerts

ROOT = Path(__file__).parents[2]
RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text()
OBSERVABILITY = (ROOT / "docs" / "observability.md").read_text()

QUERIES = [
    pytest.param(target.query, id=f"{name}: {panel.title}: {target.legend}")
    for name in dashboards.names()
    for panel in dashboards.panels(name)
    for target in panel.targets
] + [pytest.param(rule["expr"], id=rule["alert"]) for rule in alerts()]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_only_exported_metrics_and_labels(query: str) -> None:
    known = exported()
    metrics = metrics_of(query)

    assert metrics
    assert metrics.keys() - known.keys() == set()
    for name, labels in metrics.items():
        assert labels - known[name] - TARGET_LABELS == set(), name
    grouped_by = groupings_of(query) - TARGET_LABELS
    assert grouped_by - frozenset[str]().union(*(known[name] for name in metrics)) == set()


def test_a_query_with_an_unknown_metric_or_label_is_found() -> None:
    assert metrics_of('sum by (a) (rate(tintype_x_total{b="c=d", e!~"f"}[5m]) / tintype_y)') == {
        "tintype_x_total": {"b", "e"},
        "tintype_y": set(),
    }
    assert groupings_of("sum by (a, b) (x) and on (c) y") == {"a", "b", "c"}


@pytest.mark.parametrize("name", dashboards.names())
def test_a_dashboard_has_the_fields_that_grafana_needs(name: str) -> None:
    dashboard = dashboards.read(name)
    ids = [panel["id"] for panel in dashboard["panels"]]

    assert len(ids) == len(set(ids))
    assert dashboard["uid"] == f"tintype-{name}"
    assert {variable["name"] for variable in dashboard["templating"]["list"]} >= {
        "datasource",
        "namespace",
    }
    for panel in dashboards.panels(name):
        assert all('namespace=~"$namespace"' in target.query for target in panel.targets)


@pytest.mark.parametrize("name", dashboards.names())
def test_the_image_of_a_dashboard_shows_all_its_panels(name: str) -> None:
    image = (ROOT / "docs" / "images" / f"dashboard-{name}.svg").read_text()

    titles = {escape(panel.title) for panel in dashboards.panels(name)}
    assert {title for title in titles if title not in image} == set()


def test_every_alert_has_a_severity_a_summary_and_a_section_in_the_runbooks() -> None:
    for rule in alerts():
        name = rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{name.lower()}"
        assert f"\n## {name}\n" in RUNBOOKS


def test_every_alert_is_documented_with_its_severity() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (critical|warning) \|", OBSERVABILITY, re.MULTILINE)

    assert rows == [(rule["alert"], rule["labels"]["severity"]) for rule in alerts()]


def test_every_section_of_the_runbooks_is_an_alert() -> None:
    sections = set(re.findall(r"^## (\w+)$", RUNBOOKS, re.MULTILINE))

    assert sections == {rule["alert"] for rule in alerts()}


def test_the_panels_that_the_runbooks_name_are_there() -> None:
    named = set(re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", RUNBOOKS))
    titles = {panel.title for name in dashboards.names() for panel in dashboards.panels(name)}

    assert named - titles == {"italics", "Tintype platform"}  # of the sentence about these names


def test_the_labels_of_each_metric_are_documented() -> None:
    rows = re.findall(r"^\| `(\w+)` \| \w+ \| ([\w, ]*) \|", OBSERVABILITY, re.MULTILINE)
    labels = {
        name.removesuffix("_total"): {part.strip() for part in text.split(",") if part.strip()}
        for name, text in rows
    }

    known = documented_labels()
    assert labels
    assert {name: found for name, found in labels.items() if known[name] != found} == {}

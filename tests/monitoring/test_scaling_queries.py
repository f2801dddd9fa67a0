"""What autoscalers read from Prometheus: the queries for KEDA, and the rules for an adapter."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring.exported import TARGET_LABELS, exported
from tests.monitoring.promql import groupings_of, metrics_of
from tintype_testing.chart import CHART, Helm, Values, find
from tintype_testing.requirements import require

HINT = "apt-get install prometheus"

BUDGET = 800
"""The memory that a gateway may use, in whatever unit."""

Series = dict[str, str]

SCALED: Values = {
    "database": {"existingSecret": "ledger"},
    "s3": {"bucket": "images"},
    "autoscaling": {
        "enabled": True,
        "mode": "keda",
        "keda": {"serverAddress": "http://prometheus:9090"},
    },
    "jobs": {
        "enabled": True,
        "workers": {"enabled": True, "autoscaling": {"enabled": True, "mode": "keda"}},
    },
}


def pod(component: str, number: int, namespace: str = "images", scrape: str = "one") -> str:
    """The labels of a pod of the release `tintype`."""
    name = f"tintype-{component}-6b7f9c5d8-{number:05}"
    return f'namespace="{namespace}",pod="{name}",instance="{scrape}"'


def gateway(labels: str, in_flight: int, reserved: int, budget: int = BUDGET) -> Series:
    """The series of a gateway's load."""
    return {
        f"tintype_http_requests_in_flight{{{labels}}}": str(in_flight),
        f"tintype_memory_reserved_bytes{{{labels}}}": str(reserved),
        f"tintype_memory_budget_bytes{{{labels}}}": str(budget),
    }


def queue(labels: str, running: int, **models: tuple[int, int]) -> Series:
    """The series of a gateway's jobs: those that it runs, and for each model of all gateways how
    many wait, and for how many seconds."""
    series = {
        f"tintype_jobs_concurrency{{{labels}}}": "16",
        f"tintype_jobs_running{{{labels}}}": str(running),
    }
    for model, (queued, oldest) in models.items():
        series[f'tintype_jobs_queued{{{labels},model="{model}"}}'] = str(queued)
        series[f'tintype_jobs_oldest_seconds{{{labels},model="{model}"}}'] = str(oldest)
    return series


def assert_result(folder: Path, query: str, series: Series, expected: dict[str, float]) -> None:
    """Fail unless Prometheus returns these values by their labels."""
    promtool = require("promtool", HINT)
    test = {
        "interval": "15s",
        "input_series": [{"series": name, "values": each} for name, each in series.items()],
        "promql_expr_test": [
            {
                "expr": query,
                "eval_time": "15s",
                "exp_samples": [{"labels": k, "value": v} for k, v in expected.items()],
            }
        ],
    }
    (folder / "test.yaml").write_text(json.dumps({"tests": [test]}))
    ended = subprocess.run(
        [promtool, "test", "rules", "test.yaml"], cwd=folder, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture
def queries(helm: Helm) -> dict[str, str]:
    """The queries of the ScaledObjects of a release, by the names of their triggers."""
    objects = helm.objects(SCALED)
    return {
        trigger["name"]: trigger["metadata"]["query"]
        for name in ("tintype-gateway", "tintype-worker")
        for trigger in find(objects, "ScaledObject", name)["spec"]["triggers"]
    }


def offered(name: str, matchers: str, grouped_by: str) -> str:
    """The query that an adapter makes of the rule for a metric."""
    rules = yaml.safe_load((CHART / "monitoring" / "prometheus-adapter.yaml").read_text())["rules"]
    (rule,) = [r for r in (*rules["custom"], *rules["external"]) if r["name"]["as"] == name]
    query = str(rule["metricsQuery"])
    return query.replace("<<.LabelMatchers>>", matchers).replace("<<.GroupBy>>", grouped_by)


def of_pods(name: str) -> str:
    """The query of a rule for all gateways of the release, which a HorizontalPodAutoscaler asks."""
    pods = "|".join(f"tintype-gateway-6b7f9c5d8-{number:05}" for number in range(3))
    return offered(name, f'namespace="images",pod=~"{pods}"', "pod")


def by_pod(*values: float) -> dict[str, float]:
    return {f'{{pod="tintype-gateway-6b7f9c5d8-{n:05}"}}': v for n, v in enumerate(values)}


TWO: Series = gateway(pod("gateway", 0), 40, 200) | gateway(pod("gateway", 1), 10, 600)

OTHERS: Series = {
    **gateway(pod("worker", 0), 1, 700),
    **gateway(pod("gateway", 0, namespace="another"), 900, 800),
    **gateway('namespace="images",pod="other-tintype-gateway-6b7f9c5d8-00000"', 900, 800),
}
"""The series of pods that are not gateways of the release."""


def test_keda_counts_the_requests_of_all_gateways(queries: dict[str, str], tmp_path: Path) -> None:
    assert_result(tmp_path, queries["requests-in-flight"], TWO | OTHERS, {"{}": 50})


def test_keda_adds_up_the_reserved_shares_of_all_gateways(
    queries: dict[str, str], tmp_path: Path
) -> None:
    assert_result(tmp_path, queries["reserved-memory"], TWO | OTHERS, {"{}": 0.25 + 0.75})


def test_a_gateway_that_is_scraped_twice_counts_once(
    queries: dict[str, str], tmp_path: Path
) -> None:
    twice = TWO | gateway(pod("gateway", 0, scrape="again"), 40, 200)

    assert_result(tmp_path, queries["requests-in-flight"], twice, {"{}": 50})
    assert_result(tmp_path, queries["reserved-memory"], twice, {"{}": 1})


def test_gateways_without_a_limit_have_reserved_nothing_of_it(
    queries: dict[str, str], tmp_path: Path
) -> None:
    unlimited = gateway(pod("gateway", 0), 40, 200, budget=0)

    assert_result(tmp_path, queries["reserved-memory"], unlimited, {"{}": 0})
    query = of_pods("tintype_memory_reserved_ratio")
    assert_result(tmp_path, query, unlimited, by_pod(0))


@pytest.mark.parametrize("trigger", ["requests-in-flight", "reserved-memory", "jobs", "oldest-job"])
def test_without_series_of_its_pods_there_is_no_result_and_the_fallback_decides(
    queries: dict[str, str], tmp_path: Path, trigger: str
) -> None:
    elsewhere = queue(pod("gateway", 0, namespace="another"), 3, canvas=(5, 60))

    others = {name: each for name, each in OTHERS.items() if "worker" not in name}
    assert_result(tmp_path, queries[trigger], others | elsewhere, {})


def test_keda_counts_each_job_once_whether_it_runs_or_waits(
    queries: dict[str, str], tmp_path: Path
) -> None:
    models = {"canvas": (30, 45), "sketch": (10, 80)}
    series = {
        **queue(pod("gateway", 0), 0, **models),
        **queue(pod("worker", 0), 16, **models),
        **queue(pod("worker", 1), 9, **models),
    }

    assert_result(tmp_path, queries["jobs"], series, {"{}": 30 + 10 + 16 + 9})
    assert_result(tmp_path, queries["oldest-job"], series, {"{}": 80})
    query = offered("tintype_jobs", 'namespace="images"', "namespace")
    assert_result(tmp_path, query, series, {'{namespace="images"}': 65})


def test_an_empty_queue_is_a_queue_of_no_jobs(queries: dict[str, str], tmp_path: Path) -> None:
    idle = queue(pod("gateway", 0), 0)

    assert_result(tmp_path, queries["jobs"], idle, {"{}": 0})
    assert_result(tmp_path, queries["oldest-job"], idle, {"{}": 0})
    query = offered("tintype_jobs", 'namespace="images"', "namespace")
    assert_result(tmp_path, query, idle, {'{namespace="images"}': 0})


def test_the_adapter_offers_the_load_of_each_gateway(tmp_path: Path) -> None:
    in_flight, reserved = (
        of_pods(name)
        for name in ("tintype_http_requests_in_flight", "tintype_memory_reserved_ratio")
    )

    assert_result(tmp_path, in_flight, TWO | OTHERS, by_pod(40, 10))
    assert_result(tmp_path, reserved, TWO | OTHERS, by_pod(0.25, 0.75))


def test_the_queries_name_only_exported_metrics_and_labels(queries: dict[str, str]) -> None:
    known = exported()
    jobs = offered("tintype_jobs", 'namespace="images"', "namespace")
    rules = [of_pods("tintype_http_requests_in_flight"), of_pods("tintype_memory_reserved_ratio")]

    for query in (*queries.values(), jobs, *rules):
        metrics = metrics_of(query)
        assert metrics
        assert metrics.keys() - known.keys() == set()
        grouped_by = groupings_of(query) - TARGET_LABELS
        labels: set[Any] = {label for name in metrics for label in known[name]}
        assert grouped_by - labels == set()

"""A Prometheus for tests, which scrapes every second."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from tintype_testing.cluster.processes import Process, free_ports, start
from tintype_testing.http import responded
from tintype_testing.monitoring.rules import FILE
from tintype_testing.requirements import require

START_SECONDS = 120


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str
    process: Process

    def query(self, query: str) -> list[dict[str, Any]]:
        """Return the current series of a query; an `AssertionError` if it is invalid."""
        return list(self._get("query", query=query)["result"])

    def query_range(
        self, query: str, start: float, end: float, step: float
    ) -> list[dict[str, Any]]:
        """Return the series of a query between two Unix times in seconds."""
        found = self._get("query_range", query=query, start=start, end=end, step=step)
        return list(found["result"])

    def exemplars(self, query: str, start: float, end: float) -> list[dict[str, Any]]:
        """The exemplars of the series of a query, between two times in Unix seconds."""
        found = self._get("query_exemplars", query=query, start=start, end=end)
        return list(found)

    def targets(self) -> dict[str, str]:
        """The health of each target by its job: `up`, or `down: ` and why."""
        active = self._get("targets", state="active")["activeTargets"]
        return {
            target["labels"]["job"]: ": ".join(
                filter(None, (target["health"], target["lastError"]))
            )
            for target in active
        }

    def rules(self) -> list[dict[str, Any]]:
        """The alerting rules with the health of their last evaluation."""
        groups = self._get("rules", type="alert")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def is_ready(self) -> bool:
        try:
            return responded(f"{self.url}/-/ready")[0] == 200
        except OSError:
            return False

    def _get(self, path: str, **parameters: Any) -> Any:
        status, body = responded(f"{self.url}/api/v1/{path}?{urlencode(parameters)}")
        assert status == 200, f"{parameters}: {body.decode()}"
        return json.loads(body)["data"]


@contextmanager
def running_prometheus(folder: Path, jobs: Mapping[str, int]) -> Iterator[Prometheus]:
    """Scrape these jobs, each at its port, with the chart's alerts loaded."""
    program = require("prometheus", "apt-get install prometheus")
    (port,) = free_ports(1)
    config = folder / "prometheus.yaml"
    config.write_text(yaml.safe_dump(_config(jobs)))
    process = start(
        folder / "prometheus.log",
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
    )
    prometheus = Prometheus(f"http://127.0.0.1:{port}", process)
    try:
        process.wait_until(prometheus.is_ready, START_SECONDS, "a ready Prometheus")
        yield prometheus
    finally:
        process.stop()


def _config(jobs: Mapping[str, int]) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(FILE)],
        "scrape_configs": [
            {
                "job_name": job,
                "static_configs": [
                    {"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": "images"}}
                ],
            }
            for job, port in jobs.items()
        ],
    }

"""Renders and installs the chart with helm, as users do."""

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tintype_testing.cluster.building import KUBERNETES_VERSION

CHART = Path(__file__).parents[2] / "charts" / "tintype"

UNLIMITED = "10000"
"""Requests per second. By default helm waits after the first hundred, as it does not own a cluster
of many users; an installation of the starter catalog makes several hundred."""

Object = dict[str, Any]

Values = dict[str, Any]


class Helm:
    """The program helm, with or without a cluster."""

    def __init__(self, program: Path, kubeconfig: Path | None, home: Path) -> None:
        self.program = program
        self._environ = os.environ | {
            "HELM_CACHE_HOME": str(home / "cache"),
            "HELM_CONFIG_HOME": str(home / "config"),
            "HELM_DATA_HOME": str(home / "data"),
            "HELM_QPS": UNLIMITED,
            "HELM_BURST_LIMIT": UNLIMITED,
            "KUBECONFIG": str(kubeconfig or os.devnull),
            "NO_PROXY": "127.0.0.1",
        }

    def run(self, *arguments: str, values: Values | None = None) -> str:
        """Return helm's output; an `AssertionError` with its error if it fails."""
        ended = self.attempt(*arguments, values=values)
        assert ended.returncode == 0, f"helm {' '.join(arguments)}: {ended.stderr}"
        return ended.stdout

    def attempt(
        self, *arguments: str, values: Values | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run helm, and return its result, also if it fails."""
        given = () if values is None else ("--values", "-")
        return subprocess.run(
            [self.program, *arguments, *given],
            input=json.dumps(values),
            env=self._environ,
            capture_output=True,
            text=True,
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start helm without waiting for its end."""
        return subprocess.Popen(
            [self.program, *arguments], env=self._environ, stdout=subprocess.DEVNULL
        )

    def render(self, values: Values, *, namespace: str = "images", name: str = "tintype") -> str:
        """The rendered manifests of a release, with hooks and tests.

        The same values give the same manifests: helm renders them once in a process.
        """
        return _rendered(self.program, namespace, name, json.dumps(values, sort_keys=True))

    def objects(self, values: Values, **release: str) -> list[Object]:
        """The rendered objects of a release, parsed."""
        rendered = self.render(values, **release)
        documents = yaml.load_all(rendered, Loader=yaml.CSafeLoader)
        return [document for document in documents if document]

    def complaint(self, values: Values) -> str:
        """Return helm's error for these values."""
        ended = self.attempt(*_template("images", "tintype"), values=values)
        assert ended.returncode != 0, f"not refused: {values}"
        return ended.stderr


@cache
def _rendered(program: Path, namespace: str, name: str, values: str) -> str:
    with TemporaryDirectory() as home:
        helm = Helm(program, None, Path(home))
        return helm.run(*_template(namespace, name), values=json.loads(values))


def _template(namespace: str, name: str) -> list[str]:
    version = KUBERNETES_VERSION.removeprefix("v")
    return ["template", name, str(CHART), "--namespace", namespace, "--kube-version", version]


def find(objects: list[Object], kind: str, name: str) -> Object:
    """Return the only object of this kind and name."""
    (found,) = [o for o in objects if (o["kind"], o["metadata"]["name"]) == (kind, name)]
    return found

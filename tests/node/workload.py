"""A client in the cluster that uses the gateway as applications do: with OpenAI's SDK and the token
of its ServiceAccount, as in docs/accounts.md."""

import json
from pathlib import Path
from typing import Any, cast

from tests.node.images import CLIENT_IMAGE
from tests.node.release import TIMEOUT, Release
from tintype_testing.chart import Object

SCRIPTS = Path(__file__).parent / "client"

NAME = "painter"

TOKENS = {"name": "tintype", "mountPath": "/var/run/secrets/tintype", "readOnly": True}

TOKEN_SOURCE = {"audience": "tintype", "expirationSeconds": 3600, "path": "token"}


class Workload:
    """A Job that runs one of the scripts beside `client/Dockerfile`."""

    def __init__(self, release: Release, script: str, **environ: str) -> None:
        self._release = release
        self._name = Path(script).stem.replace("_", "-")
        self._text = (SCRIPTS / script).read_text()
        self._environ = environ

    def start(self) -> None:
        """Start it, and wait until it runs."""
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME}}
        self._release.apply(account, self._job())
        self._kubectl("wait", "--for=jsonpath={.status.ready}=1", TIMEOUT, self._job_name)

    def stop(self) -> None:
        """Tell the script to finish its requests and stop."""
        self._kubectl("exec", self._job_name, "--", "touch", "/tmp/stop")  # noqa: S108 - in a pod

    def result(self) -> dict[str, Any]:
        """The JSON that the script prints at its end."""
        self._kubectl("wait", "--for=condition=Complete", TIMEOUT, self._job_name)
        last = self.output().splitlines()[-1]
        return cast(dict[str, Any], json.loads(last))

    def output(self) -> str:
        return self._kubectl("logs", self._job_name)

    @property
    def _job_name(self) -> str:
        return f"job/{self._name}"

    def _kubectl(self, *arguments: str) -> str:
        return self._release.kubectl(*arguments)

    def _job(self) -> Object:
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": self._name},
            "spec": {"backoffLimit": 0, "template": {"spec": self._pod()}},
        }

    def _pod(self) -> Object:
        security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        token = {"serviceAccountToken": TOKEN_SOURCE}
        return {
            "serviceAccountName": NAME,
            "restartPolicy": "Never",
            "securityContext": security,
            "containers": [self._container()],
            "volumes": [{"name": "tintype", "projected": {"sources": [token]}}],
        }

    def _container(self) -> Object:
        return {
            "name": "client",
            "image": CLIENT_IMAGE,
            "command": ["python", "-c", self._text],
            # Without a request it runs only while no other pod wants to, and stops for seconds
            # between the head and the body of a request: that is not what is tested.
            "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}},
            "env": [{"name": name, "value": value} for name, value in self._environ.items()],
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [TOKENS],
        }

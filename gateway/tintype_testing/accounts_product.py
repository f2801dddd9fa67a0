"""An operator that serves accounts, a gateway with an empty ledger, and a simulated provider."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request

import openai

from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.cluster.processes import Process, free_ports, start_tintype
from tintype_testing.gateway_process import START_SECONDS
from tintype_testing.http import responded
from tintype_testing.manifests import Manifest, image_model, provider_binding
from tintype_testing.operator import Operator, secret
from tintype_testing.waiting import eventually_blocking
from tintype_testing.watching_gateway import WatchingGateway

ADMIN_TOKEN = "admin-token-of-the-tests-0123456789"
OWNER = "tests/tintype"

REFUSED = 401


class AccountsProduct:
    """The programs and what they serve. The operator is not started yet."""

    def __init__(self, cluster: ControlPlane, folder: Path, **gateway_settings: str) -> None:
        self.cluster = cluster
        self.namespace = cluster.create_namespace()
        self.operator = Operator(cluster, self.namespace, folder)
        (simulator_port,) = free_ports(1)
        self._simulator_port = simulator_port
        self.token_file = folder / "admin-token"
        self.token_file.write_text(ADMIN_TOKEN)
        self._folder = folder
        (folder / "credentials").mkdir()
        (folder / "credentials" / "openai.api-key").write_text("sk-anything")
        self._gateway_settings = {
            "TINTYPE_ADMIN_TOKEN": ADMIN_TOKEN,
            "TINTYPE_CREDENTIALS_DIR": str(folder / "credentials"),
        } | gateway_settings
        self.gateway = self.another_gateway("gateway")
        self._simulator: Process | None = None
        self.operator.apply(
            secret("openai", f"127.0.0.1:{simulator_port}", **{"api-key": "sk-anything"})
        )

    @property
    def simulator(self) -> str:
        return f"http://127.0.0.1:{self._simulator_port}"

    @property
    def api(self) -> str:
        """The base URL for OpenAI's SDK."""
        return f"http://127.0.0.1:{self.gateway.port}/v1"

    def another_gateway(self, name: str) -> WatchingGateway:
        """Return a gateway with these settings that is not started yet."""
        return WatchingGateway(self.operator, self._folder / name, **self._gateway_settings)

    def start_programs(self) -> None:
        """Start the gateway and the simulated provider."""
        log = self._folder / "simulator.log"
        self._simulator = start_tintype(log, "simulator", "--port", self._simulator_port)
        self.start_gateway(self.gateway)

    def start_gateway(self, gateway: WatchingGateway) -> None:
        gateway.start()
        process = gateway.process
        process.wait_until(
            lambda: '"serving"' in process.output(), START_SECONDS, "a listening gateway"
        )

    def start_operator(self, **settings: str) -> Process:
        own = {
            "TINTYPE_GATEWAY_ADMIN_URL": f"http://127.0.0.1:{self.gateway.admin_port}",
            "TINTYPE_GATEWAY_STATUS_URLS": self.gateway.url,
            "TINTYPE_ADMIN_TOKEN_FILE": str(self.token_file),
            "TINTYPE_OWNER": OWNER,
            "TINTYPE_ALLOW_LOOPBACK_ENDPOINTS": "true",
            "TINTYPE_PUBLIC_BASE_URL": self.api,
        }
        return self.operator.start(**own | settings)

    def close(self) -> None:
        self.operator.close()
        self.gateway.stop()
        if self._simulator is not None:
            self._simulator.stop()

    def serve(self, model: str) -> tuple[Manifest, Manifest]:
        """Return a model and its binding to the simulated provider."""
        size = {"mode": "List", "sizes": ["256x256"]}
        return (
            image_model(model, size=size),
            provider_binding(model=model, upstreamModel="dall-e-2", endpoint=self.simulator),
        )

    def kubectl(self, *arguments: str) -> str:
        return self.cluster.kubectl("--namespace", self.namespace, *arguments)

    def wait(self, *objects: str) -> None:
        """Wait by kubectl until objects, as `KIND/NAME`, are Ready."""
        self.kubectl("wait", "--for=condition=Ready", "--timeout=120s", *objects)

    def wait_for_reason(self, kind: str, name: str, reason: str) -> dict[str, Any]:
        """Return the condition Ready once it has a reason."""

        def look() -> dict[str, Any]:
            condition = self.operator.condition(kind, name, "Ready")
            return condition if condition.get("reason") == reason else {}

        last = self.operator.get(kind, name).get("status")
        return eventually_blocking(
            look, f"{kind}/{name} {reason}, last {last}\n{self.operator.process.output()[-3000:]}"
        )

    def wait_for_balance(self, name: str, balance: str) -> None:
        """Wait until the status of an Account has a balance."""

        def look() -> bool:
            status = self.operator.get("account", name).get("status", {})
            return bool(status.get("balance") == balance)

        eventually_blocking(look, f"a balance of {balance}")

    def secret(self, name: str) -> dict[str, str]:
        """Return the content of a Secret, empty if there is none."""
        data = self.operator.get("secret", name).get("data", {})
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def status_of(self, key: str, gateway: WatchingGateway | None = None) -> int:
        """Return the status of a call of a gateway with a key."""
        port = (gateway or self.gateway).port
        request = Request(
            f"http://127.0.0.1:{port}/v1/credits", headers={"Authorization": f"Bearer {key}"}
        )
        return responded(request)[0]

    def admin(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Return the JSON of a call of the admin API."""
        request = Request(
            f"http://127.0.0.1:{self.gateway.admin_port}/admin/v1{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {ADMIN_TOKEN}"},
            method=method,
        )
        return dict(json.loads(responded(request)[1] or b"{}"))

    def account(self, name: str) -> dict[str, Any]:
        """Return an account of the ledger."""
        return self.admin("GET", f"/accounts/{quote(name, safe='')}")


def sdk(environ: Mapping[str, str]) -> openai.OpenAI:
    """Return OpenAI's SDK as a pod has it whose environment comes from a Secret."""
    return openai.OpenAI(
        api_key=environ["OPENAI_API_KEY"], base_url=environ["OPENAI_BASE_URL"], max_retries=0
    )


@contextmanager
def running_accounts_product(
    cluster: ControlPlane, folder: Path, **gateway_settings: str
) -> Iterator[AccountsProduct]:
    """Run the gateway and the provider within the block; the operator is not started yet."""
    product = AccountsProduct(cluster, folder, **gateway_settings)
    try:
        product.start_programs()
        yield product
    finally:
        product.close()

"""A ServiceAccount calls the admin API with a token that a real API server reviews."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.gateway import Gateway, canvas, running_gateway
from tintype_testing.http import http_client

ADMIN = "--audience=tintype-admin"


@pytest.fixture
def workload(cluster: ControlPlane, namespace: str) -> str:
    """A namespace with the ServiceAccounts `operator`, `auditor` and `stranger`."""
    for name in ("operator", "auditor", "stranger"):
        cluster.kubectl("create", "serviceaccount", name, "--namespace", namespace)
    return namespace


@pytest.fixture
def reviewer(cluster: ControlPlane, namespace: str) -> Iterator[Path]:
    """The kubeconfig of a gateway that may create TokenReviews."""
    kubeconfig = cluster.service_account_kubeconfig(namespace, "gateway", [])
    name = f"{namespace}-tokenreviews"
    role = ("--verb=create", "--resource=tokenreviews.authentication.k8s.io")
    cluster.kubectl("create", "clusterrole", name, *role)
    subject = f"--serviceaccount={namespace}:gateway"
    cluster.kubectl("create", "clusterrolebinding", name, f"--clusterrole={name}", subject)
    yield kubeconfig
    cluster.kubectl("delete", f"clusterrole/{name}", f"clusterrolebinding/{name}")


def token(cluster: ControlPlane, namespace: str, name: str, *options: str) -> str:
    """Return a token as in a pod's projected volume."""
    return cluster.kubectl("create", "token", name, "--namespace", namespace, *options).strip()


@asynccontextmanager
async def gateway_of(namespace: str, kubeconfig: Path, folder: Path) -> AsyncIterator[Gateway]:
    async with running_gateway(
        folder,
        *canvas(),
        kubeconfig=kubeconfig,
        admin_service_accounts={f"{namespace}/operator": "admin", f"{namespace}/auditor": "viewer"},
    ) as gateway:
        yield gateway


@pytest.fixture
async def gateway(workload: str, reviewer: Path, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway_of(workload, reviewer, tmp_path) as gateway:
        yield gateway


async def created(gateway: Gateway, bearer: str) -> httpx2.Response:
    """Create an account with a token, and return the response."""
    async with http_client(base_url=f"{gateway.admin_url}/admin/v1") as http:
        headers = {"Authorization": f"Bearer {bearer}"}
        return await http.post("/accounts", json={"name": "team-a"}, headers=headers)


async def test_a_mapped_service_account_has_its_role(
    cluster: ControlPlane, workload: str, gateway: Gateway
) -> None:
    refused = await created(gateway, token(cluster, workload, "auditor", ADMIN))
    response = await created(gateway, token(cluster, workload, "operator", ADMIN))

    assert response.status_code == 201
    assert refused.status_code == 403
    assert f"'{workload}/auditor' has the role `viewer`" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("name", "options"),
    [("operator", ()), ("operator", ("--audience=tintype",)), ("stranger", (ADMIN,))],
)
async def test_another_audience_or_service_account_is_refused(
    cluster: ControlPlane, workload: str, gateway: Gateway, name: str, options: tuple[str, ...]
) -> None:
    response = await created(gateway, token(cluster, workload, name, *options))

    assert (response.status_code, response.json()["error"]["code"]) == (401, "invalid_api_key")


async def test_a_token_with_another_signature_is_refused(
    cluster: ControlPlane, workload: str, gateway: Gateway
) -> None:
    head, payload, _ = token(cluster, workload, "operator", ADMIN).split(".")
    _, _, signature = token(cluster, workload, "stranger", ADMIN).split(".")

    response = await created(gateway, f"{head}.{payload}.{signature}")

    assert response.status_code == 401


async def test_without_permission_for_reviews_the_log_says_so(
    cluster: ControlPlane, workload: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kubeconfig = cluster.service_account_kubeconfig(workload, "gateway", [])
    async with gateway_of(workload, kubeconfig, tmp_path) as gateway:
        response = await created(gateway, token(cluster, workload, "operator", ADMIN))

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "token_review_unavailable"
    errors = [str(vars(record).get("error")) for record in caplog.records]
    assert any("tokenreviews" in error and "forbidden" in error for error in errors)


async def test_the_token_of_a_deleted_service_account_is_refused(
    cluster: ControlPlane, workload: str, gateway: Gateway
) -> None:
    bearer = token(cluster, workload, "operator", ADMIN)
    cluster.kubectl("delete", "serviceaccount", "operator", "--namespace", workload)

    assert (await created(gateway, bearer)).status_code == 401

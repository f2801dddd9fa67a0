"""A workload authenticates with the token of its ServiceAccount, and needs no API key."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.gateway.auth.jwt.support import issuer
from tintype_testing.cluster.control_plane import ISSUER, ControlPlane
from tintype_testing.gateway import Gateway, canvas, running_gateway

BY_SERVICE_ACCOUNT = "{/kubernetes.io/namespace}/{/kubernetes.io/serviceaccount/name}"


@pytest.fixture
def workload(cluster: ControlPlane, namespace: str) -> str:
    """A namespace with the ServiceAccounts `painter` and `gateway`."""
    for name in ("painter", "gateway"):
        cluster.kubectl("create", "serviceaccount", name, "--namespace", namespace)
    return namespace


@pytest.fixture
def open_to_everyone(cluster: ControlPlane) -> Iterator[None]:
    """Allow unauthenticated clients to read the keys, too."""
    name = "tests-anonymous-issuer-discovery"
    role = "system:service-account-issuer-discovery"
    binding = ("clusterrolebinding", name)
    cluster.kubectl("create", *binding, f"--clusterrole={role}", "--group=system:unauthenticated")
    yield
    cluster.kubectl("delete", *binding)


def token(cluster: ControlPlane, namespace: str, name: str, *options: str) -> str:
    """Return a token as in a pod's projected volume."""
    arguments = ("create", "token", name, "--namespace", namespace, *options)
    return cluster.kubectl(*arguments).strip()


@asynccontextmanager
async def gateway_of(cluster: ControlPlane, folder: Path, **fields: Any) -> AsyncIterator[Gateway]:
    """Run a gateway that trusts the cluster's ServiceAccounts."""
    kubeconfig = yaml.safe_load(cluster.kubeconfig.read_text())
    settings = issuer(
        issuer=ISSUER,
        jwksUrl=f"{cluster.server}/openid/v1/jwks",
        caFile=kubeconfig["clusters"][0]["cluster"]["certificate-authority"],
        autoCreateCredits=100,
        autoCreateNamespaces=["*"],
        **{"accountClaim": BY_SERVICE_ACCOUNT} | fields,
    )
    async with running_gateway(folder, *canvas(), issuers=[settings]) as gateway:
        yield gateway


@pytest.fixture
async def gateway(cluster: ControlPlane, workload: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway that reads the API server's keys with the token of its own ServiceAccount."""
    own = tmp_path / "token"
    own.write_text(token(cluster, workload, "gateway"))
    async with gateway_of(cluster, tmp_path, bearerTokenFile=own) as gateway:
        yield gateway


async def test_a_service_account_gets_an_image_and_pays(
    cluster: ControlPlane, workload: str, gateway: Gateway
) -> None:
    bearer = token(cluster, workload, "painter", "--audience=tintype")

    response = await gateway.generate({"Authorization": f"Bearer {bearer}"})

    assert response.status_code == 200
    account = await gateway.ledger.account(f"{workload}/painter")
    assert account.balance == 100_000_000 - 640_000


@pytest.mark.parametrize("options", [(), ("--audience=another",)])
async def test_a_token_for_another_audience_is_refused(
    cluster: ControlPlane, workload: str, gateway: Gateway, options: tuple[str, ...]
) -> None:
    bearer = token(cluster, workload, "painter", *options)

    response = await gateway.generate({"Authorization": f"Bearer {bearer}"})

    assert response.status_code == 401
    assert "another audience (`aud`) than tintype" in response.json()["error"]["message"]


async def test_a_namespace_may_be_the_account(
    cluster: ControlPlane, workload: str, tmp_path: Path, open_to_everyone: None
) -> None:
    async with gateway_of(cluster, tmp_path, accountClaim="/kubernetes.io/namespace") as gateway:
        for name in ("painter", "gateway"):
            bearer = token(cluster, workload, name, "--audience=tintype")
            response = await gateway.generate({"Authorization": f"Bearer {bearer}"})
            assert response.status_code == 200

        account = await gateway.ledger.account(workload)
        assert account.balance == 100_000_000 - 2 * 640_000


async def test_without_permission_to_read_the_keys_all_tokens_are_refused(
    cluster: ControlPlane, workload: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bearer = token(cluster, workload, "painter", "--audience=tintype")
    async with gateway_of(cluster, tmp_path) as gateway:
        response = await gateway.generate({"Authorization": f"Bearer {bearer}"})

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "issuer_unavailable"
    assert any("responds with 403" in str(vars(record).get("error")) for record in caplog.records)

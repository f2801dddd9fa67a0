"""A key that is deleted is refused on every gateway within two seconds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tintype_testing.account_manifests import account, api_key
from tintype_testing.accounts_product import REFUSED, AccountsProduct, running_accounts_product
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.postgres import PostgresServer
from tintype_testing.waiting import eventually_blocking
from tintype_testing.watching_gateway import WatchingGateway

PROMISED_SECONDS = 2.0


@pytest.fixture
def gateways(
    cluster_with_crds: ControlPlane, postgres: PostgresServer, migrated: str, tmp_path: Path
) -> Iterator[tuple[AccountsProduct, WatchingGateway]]:
    """Two gateways with one ledger; the operator calls the first one alone."""
    url = postgres.url(postgres.create_database(migrated))
    with running_accounts_product(cluster_with_crds, tmp_path, TINTYPE_DATABASE_URL=url) as product:
        other = product.another_gateway("another")
        try:
            product.start_gateway(other)
            product.start_operator()
            yield product, other
        finally:
            other.stop()


def test_a_deleted_key_is_refused_on_every_gateway_within_two_seconds(
    gateways: tuple[AccountsProduct, WatchingGateway],
) -> None:
    product, other = gateways
    product.operator.apply(account("team"), api_key("web"), api_key("batch"))
    product.wait("apikey/web", "apikey/batch")
    key, kept = (product.secret(name)["OPENAI_API_KEY"] for name in ("web", "batch"))
    assert statuses(product, other, key) == [200, 200]  # both gateways have cached it

    product.kubectl("delete", "apikey/web", "--wait=false")

    eventually_blocking(
        lambda: statuses(product, other, key) == [REFUSED, REFUSED],
        "two refusals",
        PROMISED_SECONDS,
    )
    assert statuses(product, other, kept) == [200, 200]


def statuses(product: AccountsProduct, other: WatchingGateway, key: str) -> list[int]:
    return [product.status_of(key), product.status_of(key, other)]

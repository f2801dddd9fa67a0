"""Which accounts the tokens of an issuer may name, and which ones they may open."""

from pathlib import Path
from typing import Any

import pytest

from tests.gateway.auth.jwt.support import AUDIENCE, ISSUER, claims, issuer, signing_key
from tests.gateway.auth.jwt.tokens import KEY, URL, refusal, verifier
from tintype_testing.gateway import ACCOUNT, CREDITS_MICRO, Gateway, canvas, running_gateway

SERVICE_ACCOUNT = "{/kubernetes.io/namespace}/{/kubernetes.io/serviceaccount/name}"


def service_account(namespace: str, name: str) -> dict[str, Any]:
    """Return claims as a Kubernetes API server signs them."""
    return claims(
        sub=f"system:serviceaccount:{namespace}:{name}",
        **{"kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name}}},
    )


@pytest.mark.parametrize(
    ("fields", "token", "account"),
    [
        ({"accountPrefix": "k8s:"}, service_account("prod", "web"), "k8s:prod"),
        ({"accountPrefix": "oidc:"}, claims(sub="team-a"), "oidc:team-a"),
        ({"accountPrefix": ""}, claims(sub="team-a"), "team-a"),
        ({"accounts": ["team-a"]}, claims(sub="team-a"), "team-a"),
        ({"accountClaim": "oidc:{sub}"}, claims(sub="team-a"), "oidc:team-a"),
        (
            {"accountPrefix": "", "accountClaim": SERVICE_ACCOUNT},
            service_account("prod", "web"),
            "prod/web",
        ),
        (
            {"accountPrefix": "", "accountClaim": "sub"},
            service_account("prod", "web"),
            "system:serviceaccount:prod:web",
        ),
    ],
)
async def test_a_token_names_an_account_of_its_issuer(
    fields: dict[str, Any], token: dict[str, Any], account: str
) -> None:
    jwts = verifier(issuer(**{"jwksUrl": URL, "accountPrefix": None} | fields))

    assert (await jwts.verify(KEY.sign(token))).account == account


@pytest.mark.parametrize("sub", ["demo", "oidc:team-a", "oidc:oidc:team-a"])
async def test_an_account_that_is_not_listed_is_refused(sub: str) -> None:
    jwts = verifier(issuer(jwksUrl=URL, accountPrefix="oidc:", accounts=["oidc:team-a"]))

    said = await refusal(jwts, KEY.sign(claims(sub=sub)))

    assert said == f"names the account {f'oidc:{sub}'!r}, which is not one of its issuer's"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    path.write_bytes(KEY.pem())
    return path


async def status(gateway: Gateway, token: dict[str, Any]) -> int:
    """The status of a request with a token."""
    return (await gateway.generate({"Authorization": f"Bearer {KEY.sign(token)}"})).status_code


async def test_a_token_does_not_spend_the_credits_of_a_local_account(
    tmp_path: Path, key_file: Path
) -> None:
    settings = issuer(publicKeyFile=key_file, accountPrefix="k8s:", autoCreateCredits=100)
    async with running_gateway(tmp_path, *canvas(), issuers=[settings]) as gateway:
        assert await status(gateway, claims(sub=ACCOUNT)) == 200
        assert (await gateway.account()).balance == CREDITS_MICRO
        assert (await gateway.ledger.account(f"k8s:{ACCOUNT}")).balance < 100_000_000


async def test_the_service_accounts_of_a_namespace_get_one_grant(
    tmp_path: Path, key_file: Path
) -> None:
    settings = issuer(
        publicKeyFile=key_file,
        accountPrefix="k8s:",
        autoCreateCredits="1",
        autoCreateNamespaces=["prod"],
    )
    async with running_gateway(tmp_path, *canvas(), issuers=[settings]) as gateway:
        statuses = [
            await status(gateway, service_account("prod", f"web-{number}")) for number in range(5)
        ]
        accounts = [account.name for account in await gateway.ledger.accounts()]

    assert statuses == [200, 402, 402, 402, 402]
    assert accounts == ["k8s:prod", ACCOUNT]


@pytest.mark.parametrize(
    ("namespaces", "statuses"),
    [([], [401, 401]), (["prod"], [200, 401]), (["prod", "dev"], [200, 200]), (["*"], [200, 200])],
)
async def test_only_listed_namespaces_open_accounts(
    tmp_path: Path, key_file: Path, namespaces: list[str], statuses: list[int]
) -> None:
    settings = issuer(
        publicKeyFile=key_file,
        accountPrefix="k8s:",
        autoCreateCredits=100,
        autoCreateNamespaces=namespaces,
    )
    async with running_gateway(tmp_path, *canvas(), issuers=[settings]) as gateway:
        tokens = [service_account(namespace, "web") for namespace in ("prod", "dev")]
        assert [await status(gateway, token) for token in tokens] == statuses


async def test_an_issuer_opens_no_more_accounts_than_its_cap(
    tmp_path: Path, key_file: Path
) -> None:
    settings = issuer(publicKeyFile=key_file, autoCreateCredits=100, autoCreateMaxAccounts=2)
    async with running_gateway(tmp_path, *canvas(), issuers=[settings]) as gateway:
        names = ["a", "b", "c", "a", ACCOUNT]
        statuses = [await status(gateway, claims(sub=name)) for name in names]
        refused = await gateway.generate({"Authorization": f"Bearer {KEY.sign(claims(sub='c'))}"})

    assert statuses == [200, 200, 401, 200, 200]
    assert refused.json()["error"]["message"] == (
        "the token names an unknown account: its issuer has opened 2 accounts,"
        " which are all that it may"
    )


async def test_a_token_of_one_issuer_names_no_account_of_another(
    tmp_path: Path, key_file: Path
) -> None:
    other_key = signing_key("other")
    (tmp_path / "other.pem").write_bytes(other_key.pem())
    common = {"autoCreateCredits": 100}
    settings = [
        issuer(publicKeyFile=key_file, accountPrefix="one:", **common),
        issuer(issuer="two", publicKeyFile=tmp_path / "other.pem", accountPrefix="two:", **common),
    ]
    async with running_gateway(tmp_path, *canvas(), issuers=settings) as gateway:
        assert await status(gateway, claims(sub="a")) == 200
        token = other_key.sign(claims(iss="two", aud=AUDIENCE, sub="a"))
        response = await gateway.generate({"Authorization": f"Bearer {token}"})

        assert response.status_code == 200
        names = [account.name for account in await gateway.ledger.accounts()]
    assert ISSUER != "two"
    assert names == ["one:a", ACCOUNT, "two:a"]

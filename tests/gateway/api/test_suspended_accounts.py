"""A suspended account is refused, by its keys and by the tokens that name it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.auth.jwt.support import claims, issuer
from tests.gateway.auth.jwt.tokens import KEY
from tintype_gateway.ledger import AccountSpec
from tintype_testing.gateway import ACCOUNT, Gateway, canvas, running_gateway

SUSPENDED = AccountSpec(suspended=True)


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    key_file = tmp_path / "key.pem"
    key_file.write_bytes(KEY.pem())
    issuers = [issuer(publicKeyFile=key_file, accountPrefix="", accounts=[ACCOUNT])]
    async with running_gateway(tmp_path, *canvas(), issuers=issuers) as gateway:
        yield gateway


async def test_its_keys_are_refused_for_every_call(gateway: Gateway) -> None:
    await gateway.ledger.put_account(ACCOUNT, SUSPENDED)

    response = await gateway.generate()
    async with gateway.http() as http:
        others = [await http.get(path) for path in ("/v1/models", "/v1/credits")]

    assert (response.status_code, response.json()["error"]["code"]) == (403, "account_suspended")
    assert [other.status_code for other in others] == [403, 403]


async def test_its_tokens_are_refused(gateway: Gateway) -> None:
    token = {"Authorization": f"Bearer {KEY.sign(claims(sub=ACCOUNT))}"}
    assert (await gateway.generate(token)).status_code == 200

    await gateway.ledger.put_account(ACCOUNT, SUSPENDED)

    response = await gateway.generate(token)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "account_suspended")

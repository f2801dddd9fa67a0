"""No message that two readers could understand differently is ever served.

Served would be a 200 to the first request of a row, or to the one that hides behind it.
"""

import pytest

from tests.gateway.http.ambiguous import AMBIGUOUS
from tests.gateway.http.raw import connected
from tintype_testing.gateway import Gateway


def test_the_corpus_is_not_smaller_than_the_one_it_began_with() -> None:
    assert len(AMBIGUOUS) >= 31


@pytest.mark.parametrize("case", AMBIGUOUS)
async def test_an_ambiguous_message_is_refused_and_its_connection_closed(
    gateway: Gateway, case: str
) -> None:
    key = f"Host: a\r\nAuthorization: Bearer {gateway.key}".encode()
    async with connected(gateway) as connection:
        await connection.send(AMBIGUOUS[case].replace(b"Host: a", key))
        response = await connection.response()
        rest = await connection.rest()

    assert 400 <= response.status < 500
    assert response.error()["type"] == "invalid_request_error"
    assert b" 200 " not in rest
    assert (await gateway.upstream_calls()) == []

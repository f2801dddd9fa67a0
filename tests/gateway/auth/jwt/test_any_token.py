"""No token that anyone can think of does worse than being refused."""

from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.auth.jwt.support import ISSUER, claims
from tests.gateway.auth.jwt.tokens import KEY, packed, verifier
from tintype_gateway.errors import AuthenticationError

texts = st.text(max_size=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "alg": st.just("ES256") | json_values,
        "kid": st.just("first") | json_values,
        "crit": json_values,
        "b64": json_values,
    },
)
tokens = st.fixed_dictionaries(
    {},
    optional={
        "iss": st.just(ISSUER) | json_values,
        **dict.fromkeys(("aud", "exp", "nbf", "iat", "sub", "jti"), json_values),
    },
)
segments = st.tuples(headers | json_values, tokens | json_values, st.binary(max_size=70))


@given(texts | st.from_regex(r"[\w.-]*\.[\w.-]*\.[\w.-]*") | segments.map(lambda s: packed(*s)))
async def test_no_text_does_worse_than_being_refused(token: str) -> None:
    with pytest.raises(AuthenticationError):
        await verifier().verify(token)


@given(st.dictionaries(st.sampled_from(["aud", "exp", "nbf", "iat", "sub", "jti"]), json_values))
async def test_no_signed_claims_do_worse_than_being_refused(changed: dict[str, Any]) -> None:
    header, token = {"alg": "ES256", "kid": "first"}, claims() | changed
    content = packed(header, token).rpartition(".")[0].encode()
    signature = jwt.get_algorithm_by_name("ES256").sign(content, KEY.private)
    try:
        identity = await verifier().verify(packed(header, token, signature))
    except AuthenticationError:
        return

    assert identity.account

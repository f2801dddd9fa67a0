"""Which published keys are taken."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import get_default_algorithms

from tests.gateway.auth.jwt.support import key_set, signing_key
from tintype_gateway.auth.jwt.keys import parse_jwks
from tintype_gateway.auth.jwt.verification_key import JwksError

FIRST, SECOND = signing_key("first"), signing_key("second")
PRIVATE = get_default_algorithms()["ES256"].to_jwk(FIRST.private, as_dict=True)
ENCRYPTING = FIRST.jwk(use="enc")
UNSIGNED = FIRST.jwk(alg="none")
SYMMETRIC = {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"}
OF_TOMORROW = {"kty": "AKP", "alg": "ML-DSA-65", "pub": "AA", "kid": "new"}


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"])
def test_a_key_is_read_with_its_id_and_algorithm(algorithm: str) -> None:
    signing = signing_key("k", algorithm)

    (key,) = parse_jwks(key_set(signing))

    assert (key.id, key.algorithm) == ("k", algorithm)
    assert key.key == signing.private.public_key()


@pytest.mark.parametrize("algorithm", ["RS256", "ES384", "EdDSA"])
def test_a_key_needs_no_declared_use(algorithm: str) -> None:
    signing = signing_key("k", algorithm)
    entry = signing.jwk(alg=None, use=None, kid=None)

    (key,) = parse_jwks(json.dumps({"keys": [entry]}).encode())

    assert (key.id, key.algorithm) == (None, None)
    assert key.key == signing.private.public_key()


@pytest.mark.parametrize(
    "entry",
    [
        PRIVATE,
        ENCRYPTING,
        UNSIGNED,
        SYMMETRIC,
        OF_TOMORROW,
        {"kty": "RSA"},
        {"kty": 7},
        {},
        "key",
        None,
    ],
)
def test_other_keys_are_passed_over(entry: object) -> None:
    document = json.dumps({"keys": [entry, FIRST.jwk()]}).encode()

    assert [key.id for key in parse_jwks(document)] == ["first"]


@pytest.mark.parametrize(
    "document", [b"", b"{", b"[]", b"7", b"{}", b'{"keys": 7}', b"\xff", b"[" * 100_000]
)
def test_an_invalid_key_set_is_refused(document: bytes) -> None:
    with pytest.raises(JwksError, match="not a JSON Web Key Set"):
        parse_jwks(document)


@pytest.mark.parametrize("entries", [[], [SYMMETRIC], [ENCRYPTING]])
def test_a_key_set_without_a_usable_key_is_refused(entries: list[object]) -> None:
    with pytest.raises(JwksError, match="no key that verifies signatures"):
        parse_jwks(json.dumps({"keys": entries}).encode())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "kty": st.sampled_from(["RSA", "EC", "OKP", "oct"]) | json_values,
        "crv": st.sampled_from(["P-256", "P-521", "Ed25519", "X25519"]) | json_values,
        "alg": st.sampled_from(["RS256", "ES256", "EdDSA", "HS256", "none"]) | json_values,
        **{name: st.sampled_from(["AQAB", "AA", ""]) | json_values for name in "xyned"},
    },
)


@given(st.lists(entries | json_values, max_size=3) | json_values)
def test_no_document_does_worse_than_being_refused(keys: Any) -> None:
    with suppress(JwksError):
        parse_jwks(json.dumps({"keys": keys}).encode())

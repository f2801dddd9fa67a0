"""Whom a good token stands for, under the rules of its issuer."""

import time
from pathlib import Path

import jwt
import pytest

from tests.gateway.auth.jwt.support import AUDIENCE, ISSUER, claims, issuer, signing_key
from tests.gateway.auth.jwt.tokens import KEY, URL, refusal, verifier
from tintype_gateway.auth.jwt.jwks import OneKey
from tintype_gateway.auth.jwt.verifier import Identity, JwtVerifier, TrustedIssuer

OTHER = signing_key("second")


@pytest.mark.parametrize(
    "algorithm",
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"],
)
async def test_a_good_token_stands_for_an_account(algorithm: str) -> None:
    key = signing_key("k", algorithm)
    jwts = verifier(issuer(jwksUrl=URL, algorithms=[algorithm]), key.jwk())

    assert await jwts.verify(key.sign(claims())) == Identity("team-a", ISSUER, None, 100)


async def test_a_key_that_is_for_no_one_algorithm_is_for_each_of_its_kind() -> None:
    key = signing_key("k", "PS512")
    jwts = verifier(issuer(jwksUrl=URL, algorithms=["RS256", "PS512"]), key.jwk(alg=None))

    assert (await jwts.verify(key.sign(claims()))).account == "team-a"


async def test_the_account_may_be_in_a_claim_of_any_kind_but_text_it_must_be() -> None:
    jwts = verifier(issuer(jwksUrl=URL, accountClaim="/team/name"))

    good = await jwts.verify(KEY.sign(claims(team={"name": "prod"})))
    said = await refusal(jwts, KEY.sign(claims(team={"name": 7})))

    assert good.account == "prod"
    assert said.startswith("has a claim `/team/name` that is not printable text")


async def test_clocks_may_differ_by_the_configured_leeway() -> None:
    jwts = verifier(issuer(jwksUrl=URL, clockSkewSeconds=300))
    now = int(time.time())

    assert await jwts.verify(KEY.sign(claims(exp=now - 200, iat=now - 900)))
    assert await jwts.verify(KEY.sign(claims(nbf=now + 200, iat=now + 200)))


async def test_clocks_may_not_differ_by_more() -> None:
    jwts = verifier(issuer(jwksUrl=URL, clockSkewSeconds=0))
    now = int(time.time())

    assert await refusal(jwts, KEY.sign(claims(exp=now, iat=now - 900))) == "has expired"
    assert await refusal(jwts, KEY.sign(claims(nbf=now + 200))) == "is not valid yet"


async def test_one_of_several_audiences_is_enough() -> None:
    jwts = verifier(issuer(jwksUrl=URL, audiences=["images", "tintype"]))

    assert await jwts.verify(KEY.sign(claims(aud=["another", "tintype"])))
    assert await refusal(jwts, KEY.sign(claims(aud="another"))) == (
        "is for another audience (`aud`) than images or tintype"
    )


async def test_a_key_is_used_with_the_algorithm_that_it_is_for() -> None:
    key = signing_key("k", "RS512")
    jwts = verifier(issuer(jwksUrl=URL, algorithms=["RS256", "RS512"]), key.jwk(alg="RS256"))

    assert await refusal(jwts, key.sign(claims())) == (
        "has another algorithm (`alg`) than its key is for"
    )


async def test_a_key_of_another_kind_than_the_algorithm_is_refused() -> None:
    jwts = verifier(issuer(jwksUrl=URL, algorithms=["ES256", "RS256"]), KEY.jwk(alg=None))
    token = signing_key("first", "RS256").sign(claims())

    assert await refusal(jwts, token) == (
        "is signed with a key that is too weak, or not for its algorithm"
    )


async def test_a_weak_key_is_refused() -> None:
    key = signing_key("k", "RS256", bits=1024)
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = key.sign(claims())
    jwts = verifier(issuer(jwksUrl=URL, algorithms=["RS256"]), key.jwk())

    assert await refusal(jwts, token) == (
        "is signed with a key that is too weak, or not for its algorithm"
    )


async def test_a_key_in_a_file_needs_no_id(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(KEY.pem())
    settings = issuer(publicKeyFile=tmp_path / "key.pem")
    assert settings.public_key is not None
    jwts = JwtVerifier({ISSUER: TrustedIssuer(settings, OneKey(settings.public_key))})

    assert await jwts.verify(KEY.sign(claims(), kid=None))
    assert await jwts.verify(KEY.sign(claims(), kid="whatever"))
    assert "did not make" in await refusal(jwts, OTHER.sign(claims()))


async def test_each_token_is_checked_by_the_rules_of_its_own_issuer() -> None:
    one = verifier(issuer(jwksUrl=URL, issuer="one"))
    two = verifier(issuer(jwksUrl=URL, issuer="two", audiences=["b"]), OTHER.jwk())
    jwts = JwtVerifier({**one.issuers, **two.issuers})

    assert (await jwts.verify(KEY.sign(claims(iss="one")))).issuer == "one"
    assert (await jwts.verify(OTHER.sign(claims(iss="two", aud="b")))).issuer == "two"
    assert "`aud`" in await refusal(jwts, OTHER.sign(claims(iss="two", aud=AUDIENCE)))
    assert "`kid`" in await refusal(jwts, KEY.sign(claims(iss="two", aud="b")))


async def test_without_issuers_every_token_is_refused() -> None:
    assert "not trusted here" in await refusal(JwtVerifier(), KEY.sign(claims()))

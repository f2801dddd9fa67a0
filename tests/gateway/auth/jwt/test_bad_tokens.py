"""Refused tokens, and the messages for their bearers."""

import time

import pytest

from tests.gateway.auth.jwt.support import DAY_SECONDS, ISSUER, claims, signing_key
from tests.gateway.auth.jwt.tokens import KEY, altered, by_shared_secret, packed, refusal, verifier
from tintype_gateway.auth.jwt.signatures import MAX_TOKEN_BYTES

YESTERDAY = int(time.time()) - DAY_SECONDS
TOMORROW = int(time.time()) + DAY_SECONDS

UNPUBLISHED = signing_key("second")
IMPOSTOR = signing_key("first")
WRONG_CURVE = signing_key("first", "ES384")

BAD: dict[str, tuple[str, str]] = {
    "not signed": (
        packed({"alg": "none", "kid": "first"}, claims()),
        "is not signed (`alg` is `none`)",
    ),
    "not signed, in disguise": (
        packed({"alg": "nOnE", "kid": "first"}, claims()),
        "has another algorithm (`alg`) than its issuer signs with, ES256",
    ),
    "signed with the public key as a shared secret": (
        by_shared_secret({"alg": "HS256", "kid": "first"}, claims(), KEY.pem()),
        "has another algorithm (`alg`) than its issuer signs with, ES256",
    ),
    "without an algorithm": (
        packed({"kid": "first"}, claims(), b"x" * 64),
        "has another algorithm (`alg`) than its issuer signs with, ES256",
    ),
    "with an algorithm that is no text": (
        packed({"alg": ["ES256"], "kid": "first"}, claims(), b"x" * 64),
        "has another algorithm (`alg`) than its issuer signs with, ES256",
    ),
    "of an algorithm that is not pinned": (
        WRONG_CURVE.sign(claims()),
        "has another algorithm (`alg`) than its issuer signs with, ES256",
    ),
    "expired": (KEY.sign(claims(exp=YESTERDAY)), "has expired"),
    "without an end": (KEY.sign(claims(exp=None)), "has no claim `exp`"),
    "with an end that is no time": (KEY.sign(claims(exp="soon")), "is malformed"),
    "not valid yet": (KEY.sign(claims(nbf=TOMORROW)), "is not valid yet"),
    "issued in the future": (KEY.sign(claims(iat=TOMORROW)), "is not valid yet"),
    "issued at no time": (KEY.sign(claims(iat=[])), "is malformed"),
    "for another audience": (
        KEY.sign(claims(aud="another")),
        "is for another audience (`aud`) than tintype",
    ),
    "for other audiences": (
        KEY.sign(claims(aud=["another", "tintype2"])),
        "is for another audience (`aud`) than tintype",
    ),
    "for an audience that is no text": (
        KEY.sign(claims(aud={"tintype": 1})),
        "is for another audience (`aud`) than tintype",
    ),
    "for no audience": (KEY.sign(claims(aud=None)), "has no claim `aud`"),
    "of an unknown issuer": (
        KEY.sign(claims(iss="https://issuer.example.org")),
        "is of an issuer (`iss`) that is not trusted here",
    ),
    "of nearly the right issuer": (
        KEY.sign(claims(iss=ISSUER + "/")),
        "is of an issuer (`iss`) that is not trusted here",
    ),
    "of an issuer that is no text": (
        packed({"alg": "ES256", "kid": "first"}, claims(iss=[ISSUER])),
        "is of an issuer (`iss`) that is not trusted here",
    ),
    "of no issuer": (KEY.sign(claims(iss=None)), "has no claim `iss`"),
    "of an unknown key": (
        UNPUBLISHED.sign(claims()),
        "names none of the keys (`kid`) that its issuer publishes",
    ),
    "of a key with an odd id": (packed({"alg": "ES256", "kid": 7}, claims()), "is malformed"),
    "of another key": (IMPOSTOR.sign(claims()), "has a signature that its issuer did not make"),
    "without a signature": (
        KEY.sign(claims()).rpartition(".")[0] + ".",
        "has a signature that its issuer did not make",
    ),
    "changed after it was signed": (
        altered(KEY.sign(claims()), claims(sub="team-b")),
        "has a signature that its issuer did not make",
    ),
    "without the claim of the account": (
        KEY.sign(claims(sub=None)),
        "has no claim `sub`, which names the account",
    ),
    "with another kind of claim": (KEY.sign(claims(sub=7)), "is malformed"),
    "with an extension that we do not know": (
        KEY.sign(claims(), crit=["exp"], exp=1),
        "is malformed",
    ),
    "with its content elsewhere": (
        packed({"alg": "ES256", "kid": "first", "b64": False, "crit": ["b64"]}, claims()),
        "is malformed",
    ),
    "with claims that are no object": (packed({"alg": "ES256"}, ["iss"]), "is malformed"),
    "with a header that is no object": (packed(["alg"], claims()), "is malformed"),
    "no token at all": ("a.b.c", "is malformed"),
    "nothing": ("..", "is malformed"),
    "no ASCII": ("é.é.é", "is malformed"),
    "damaged by its way": ("\udcff.\udcff.\udcff", "is malformed"),
    "too large": (
        KEY.sign(claims(padding="x" * MAX_TOKEN_BYTES)),
        f"has more than {MAX_TOKEN_BYTES} bytes",
    ),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_token_is_refused_with_its_reason(case: str) -> None:
    token, reason = BAD[case]

    assert await refusal(verifier(), token) == reason

"""What is believed of tokens of ServiceAccounts, and of the reviews of the API server."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.auth.admin.review import (
    Claims,
    parse_service_accounts,
    reviewed_service_account,
    unverified_claims,
)

NOW = 1_800_000_000
CLAIMS = {"sub": "system:serviceaccount:images:operator", "aud": ["tintype-admin"], "exp": NOW + 60}
REVIEW: dict[str, Any] = {
    "authenticated": True,
    "user": {"username": "system:serviceaccount:images:operator"},
    "audiences": ["tintype-admin"],
}


def token(**claims: Any) -> bytes:
    payload = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    return b"e30." + urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"=") + b".c2ln"


def test_a_list_gives_each_service_account_a_role() -> None:
    assert parse_service_accounts("images/tintype-operator=admin, ci/deploy.bot=keys,") == {
        "images/tintype-operator": "admin",
        "ci/deploy.bot": "keys",
    }


@pytest.mark.parametrize(
    "entry", ["operator=admin", "a/b", "a/b=editor", "a/b/c=keys", "A/b=keys", "a:b=keys", "=keys"]
)
def test_another_form_of_an_entry_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="is not NAMESPACE/NAME=ROLE"):
        parse_service_accounts(f"images/x=keys,{entry}")


def test_a_service_account_has_one_role() -> None:
    with pytest.raises(ValueError, match="images/x stands there twice"):
        parse_service_accounts("images/x=keys,images/x=admin")


@pytest.mark.parametrize("audiences", [["tintype-admin"], ["x", "tintype-admin"], "tintype-admin"])
def test_a_token_for_the_admin_api_says_whose_it_is_and_when_it_ends(audiences: object) -> None:
    assert unverified_claims(token(aud=audiences), NOW) == Claims("images/operator", NOW + 60)


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "system:node:a"},
        {"sub": None},
        {"aud": ["tintype"]},
        {"aud": None},
        {"aud": {"tintype-admin": True}},
        {"exp": NOW},
        {"exp": None},
        {"exp": True},
        {"exp": "tomorrow"},
        {"exp": float("nan")},
        {"sub": CLAIMS["sub"], "pad": "x" * 17_000},
    ],
)
def test_no_other_token_is_reviewed(claims: dict[str, Any]) -> None:
    assert unverified_claims(token(**claims), NOW) is None


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=90).map(lambda b: b"a." + b + b".c")))
def test_any_bytes_are_no_claims(text: bytes) -> None:
    assert unverified_claims(text, NOW) is None


def test_a_valid_review_names_the_service_account() -> None:
    assert reviewed_service_account(REVIEW) == "images/operator"


@pytest.mark.parametrize(
    "changed",
    [
        {"authenticated": False},
        {"authenticated": None},
        {"audiences": ["another"]},
        {"audiences": []},
        {"user": {"username": "system:admin"}},
        {"user": {}},
    ],
)
def test_any_other_review_names_nobody(changed: dict[str, Any]) -> None:
    assert reviewed_service_account(REVIEW | changed) is None


@pytest.mark.parametrize("missing", ["authenticated", "audiences", "user"])
def test_a_review_without_a_field_names_nobody(missing: str) -> None:
    status = {name: value for name, value in REVIEW.items() if name != missing}

    assert reviewed_service_account(status) is None

"""What the audit log shows, and what it never does."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_accounts.api_keys import new_secret
from tintype_gateway.ledger.changes import REMOVED, without_secrets

SECRETS = [
    new_secret(),
    "sk-proj-abcdefghijklmnopqrstuvwx",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "xai-abcdefghijklmnopqrstuvwx",
    "AIzaSyA1234567890abcdefghijklmnopqrstu",
    "ya29.a0AfH6SMBx",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
    "Bearer abcdefghijkl",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
]

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def hidden(secret: str) -> str:
    """Return the part of a secret that must not be shown."""
    return max(re.split(r"[\s-]+", secret.removeprefix("sk-tintype-")), key=len)


def documents(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaf, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=8
    )


@given(
    st.sampled_from(SECRETS),
    documents(st.none() | st.booleans() | st.integers() | TEXT),
    st.sampled_from(["{}", "a word, {}", "({})", '"{}"', "x={} and more", "{}\nnext line"]),
    st.integers(0, 3),
)
def test_no_secret_passes_wherever_it_stands(
    secret: str, document: Any, around: str, depth: int
) -> None:
    planted: Any = around.replace("{}", secret)
    for number in range(depth):
        planted = (
            [document, planted]
            if number % 2
            else {"a": document, planted: planted}
            if (isinstance(planted, str))
            else {"a": planted}
        )

    shown = json.dumps(without_secrets(planted))

    assert hidden(secret) not in shown
    assert REMOVED in shown


@given(documents(st.none() | st.booleans() | st.integers() | st.sampled_from(["a b", "", "gpt"])))
def test_what_has_no_secret_stays_as_it_is(document: Any) -> None:
    assert without_secrets(document) == document


@given(documents(st.text() | st.floats()))
def test_what_remains_is_json_that_every_engine_keeps(document: Any) -> None:
    shown = json.dumps(without_secrets(document), allow_nan=False)

    assert "\\u0000" not in shown
    json.dumps(json.loads(shown), ensure_ascii=False).encode()


@pytest.mark.parametrize("name", ["secret", "API_KEY", "password", "token", "secret_sha256"])
def test_text_in_a_field_for_a_secret_is_removed(name: str) -> None:
    assert without_secrets({name: "short", "other": "short"}) == {name: REMOVED, "other": "short"}


@pytest.mark.parametrize(
    "text",
    [
        "team-a/studio",
        "images/tintype:team-a/web:6f0c1d2e-8a57-4a7e-9d27-3a1f5c1f7a10",
        "change-0123456789abcdef0123456789abcdef",
        "https://images.example/v1",
        "gpt-image-1",
        "the tasks-list of may",
    ],
)
def test_names_and_references_stay(text: str) -> None:
    assert without_secrets(text) == text


def test_a_url_keeps_its_host_and_loses_its_password() -> None:
    assert without_secrets("postgresql://user:pass@db/x") == f"postgresql://{REMOVED}@db/x"

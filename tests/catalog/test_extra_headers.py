"""`api.headersSecretRef`: which Secrets can be the headers of a binding's calls."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_catalog.compiler import compile_manifests
from tintype_catalog.connection import is_tls_file
from tintype_catalog.credentials import Offer, misused_secrets
from tintype_catalog.extra_headers import (
    MAX_HEADERS,
    MAX_SECRET_NAME,
    header_file,
    header_of_file,
    is_header_name,
)
from tintype_catalog.problems import Problem
from tintype_testing.manifests import compiled, image_model, provider_binding

HOST = ["gpu.example"]
FIELD = "spec.api.headersSecretRef.name"
REFERENCE = {"headersSecretRef": {"name": "tenant"}}
GOOD = Offer(["X-Tenant", "X-Team"], HOST)


def there(**spec: Any) -> list[dict[str, Any]]:
    """A model, and a binding with headers to a server of our own."""
    own = {"endpoint": "https://gpu.example", "credentials": {"none": True}, "api": REFERENCE}
    return [image_model(), provider_binding(**own | spec)]


def problems(offer: Offer | None, **spec: Any) -> list[Problem]:
    secrets = {"openai": Offer(["api-key"], HOST)} | ({} if offer is None else {"tenant": offer})
    return list(compile_manifests(there(**spec), secrets=secrets).problems)


def test_a_secret_whose_keys_are_headers_is_taken() -> None:
    assert not problems(GOOD)
    assert not compile_manifests(there()).problems  # where Secrets are unknown


def test_a_secret_that_is_not_offered_keeps_the_binding_out() -> None:
    (problem,) = problems(None)

    assert (problem.reason, problem.condition, problem.field) == (
        "SecretNotFound",
        "ResolvedRefs",
        FIELD,
    )
    assert "it must have a key for each header" in problem.message


def test_a_secret_without_keys_has_no_headers() -> None:
    (problem,) = problems(Offer([], HOST))

    assert (problem.reason, problem.field) == ("SecretKeyMissing", FIELD)


@pytest.mark.parametrize(
    ("offer", "told"),
    [
        (Offer(["X-Team", "x_team"], HOST), "its key `x_team` is no name of a header"),
        (Offer(["X-Team"], HOST, ["tls.key"]), "its key `tls.key` is no name of a header"),
        (Offer(["X" * 65], HOST), f"its key `{'X' * 65}` is no name of a header"),
        (Offer(["content-LENGTH"], HOST), "its key `content-LENGTH` is a header that the gateway"),
        (Offer(["Host"], HOST), "its key `Host` is a header that the gateway sets itself"),
        (Offer(["X-Team", "x-team"], HOST), "its key `X-Team` is there twice"),
        (Offer(["X-Team"], HOST, ["X-Big"]), "its key `X-Big` must have a value of 1 to 4096"),
        (Offer([f"X-{n}" for n in range(MAX_HEADERS + 1)], HOST), "it has 17 keys"),
    ],
)
def test_a_key_that_cannot_be_a_header_is_named(offer: Offer, told: str) -> None:
    (problem,) = problems(offer)

    assert (problem.reason, problem.condition, problem.field) == (
        "HeaderNotAllowed",
        "ResolvedRefs",
        FIELD,
    )
    assert told in problem.message


def test_every_wrong_key_is_named_at_once() -> None:
    (problem,) = problems(Offer(["Expect", "X-Team"], HOST, ["a.b"]))

    assert "`a.b`" in problem.message
    assert "`Expect`" in problem.message
    assert "`X-Team`" not in problem.message


@pytest.mark.parametrize(("key_header", "key"), [("X-Key", "x-key"), (None, "authorization")])
def test_the_header_of_the_key_is_not_another_one(key_header: str | None, key: str) -> None:
    api = REFERENCE | ({} if key_header is None else {"keyHeader": key_header})
    keyed = {"credentials": {"secretRef": {"name": "openai"}}, "api": api}

    (problem,) = problems(Offer([key], HOST), **keyed)

    assert f"its key `{key}` is a header that the gateway sets itself" in problem.message
    assert not problems(Offer([key], HOST), api=api)  # a server without a key has no such header


def test_headers_are_for_the_hosts_of_their_owner() -> None:
    (problem,) = problems(Offer(["X-Tenant"], ["other.example"]))

    assert (problem.reason, problem.field) == ("EndpointNotAllowed", "spec.endpoint")


def test_headers_are_for_the_providers_own_host_only_where_their_owner_lists_it() -> None:
    own: dict[str, Any] = {"endpoint": None, "credentials": {"secretRef": {"name": "openai"}}}

    (problem,) = problems(Offer(["X-Tenant"]), **own)

    assert (problem.reason, problem.field) == ("EndpointNotAllowed", FIELD)
    assert "must list api.openai.com" in problem.message
    assert not problems(Offer(["X-Tenant"], ["api.openai.com"]), **own)


def test_a_revision_that_would_send_headers_to_a_host_that_was_taken_off_does_not_stay() -> None:
    before = compiled(*there())
    secrets = {"tenant": Offer(["X-Tenant"], [])}

    assert misused_secrets(before, secrets) == {"tenant"}
    assert compile_manifests(there(), before, secrets).catalog.bindings == ()


def test_the_last_good_revision_stays_while_a_key_is_wrong() -> None:
    before = compiled(*there())
    secrets = {"tenant": Offer(["X-Tenant", "Host"], HOST)}

    assert compile_manifests(there(), before, secrets).catalog.bindings == before.bindings


def test_a_name_too_long_for_a_file_is_refused() -> None:
    name = "x" * (MAX_SECRET_NAME + 1)
    manifests = there(api={"headersSecretRef": {"name": name}})

    (problem,) = compile_manifests(manifests, secrets={name: GOOD}).problems

    assert "longer than 180 characters" in problem.message
    assert len(header_file(name[1:], "X" * 64)) <= 253


@given(
    st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,20}[a-z0-9])?", fullmatch=True),
    st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,20}", fullmatch=True),
)
def test_the_file_of_a_header_leads_back_to_its_secret_and_name(secret: str, name: str) -> None:
    file = header_file(secret, name)

    assert header_of_file(file) == (secret, name)
    assert not is_tls_file(file)


@given(st.from_regex(r"[-._A-Za-z0-9]{1,30}", fullmatch=True))
def test_only_names_of_headers_are_files_of_headers(key: str) -> None:
    assert (header_of_file(header_file("tenant", key)) is not None) is is_header_name(key)


@pytest.mark.parametrize("file", ["openai.api-key", "header.api-key", "secret_a_tls.crt", "header"])
def test_other_files_are_none_of_headers(file: str) -> None:
    assert header_of_file(file) is None

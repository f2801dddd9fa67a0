"""Every dialect has the interface, and is found by its name."""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast, get_args

import pytest

from tests.gateway.dialects import acme, interface, polled
from tests.gateway.dialects.examples import ACME, EXAMPLES, Example
from tests.gateway.dialects.interface import INTERFACE
from tintype_catalog.providers import SERVICES
from tintype_catalog.providers import Dialect as DialectName
from tintype_gateway.dialects.base import Dialect, IncompleteDialectError
from tintype_gateway.dialects.openai import images as openai_images
from tintype_gateway.dialects.registry import DIALECTS, get_dialect, register, streams, supports
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import UpstreamRequest
from tintype_testing.upstream_requests import sent_json

ROOT = Path(__file__).parents[3]


def test_a_dialect_is_the_module_of_its_name() -> None:
    assert get_dialect("openai-images") is openai_images


def test_a_dialect_without_a_module_is_not_supported() -> None:
    assert supports("openai-images")
    assert not supports("klingon-images")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example.name))
@pytest.mark.parametrize("rule", INTERFACE, ids=lambda rule: str(rule.__name__))
def test_a_dialect_has_the_interface(rule: Callable[[Example], None], example: Example) -> None:
    rule(example)


def without_merging(
    job: Job, route: Route, images: int, keys: Mapping[str, str]
) -> UpstreamRequest:
    request = acme.translate(job, route, images, keys)
    return replace(request, body=json.dumps(sent_json(request) | job.extras).encode())


def with_the_key_in_its_url(
    job: Job, route: Route, images: int, keys: Mapping[str, str]
) -> UpstreamRequest:
    request = acme.translate(job, route, images, keys)
    return replace(request, url=f"{request.url}?key={keys['api-key']}")


BROKEN: dict[Callable[[Example], None], dict[str, object]] = {
    interface.is_replaced_by_no_provider_parameter: {"translate": without_merging},
    interface.sends_every_image_and_the_mask: {
        "OPERATIONS": ("edit",),
        "mask_convention": lambda task: None,
    },
    interface.has_a_mask_convention_or_none_for_any_task: {
        "OPERATIONS": ("edit",),
        "mask_convention": {None: "alpha"}.__getitem__,
    },
    interface.has_no_credential_in_sight: {"translate": with_the_key_in_its_url},
    interface.quotes_no_words_on_our_account: {
        "read_error": lambda response: UpstreamFault("failed", response.body.decode())
    },
    interface.repeats_no_call_that_may_have_cost: {
        "read_error": lambda response: UpstreamFault("unavailable", "it is down")
    },
    interface.reads_anything_or_raises_a_fault: {
        "interpret": lambda response: CallResult((json.loads(response.body)["renders"],))
    },
    interface.passes_the_image_through_from_where_it_begins: {"FIRST_IMAGE": re.compile(b"x\\Z")},
}


@pytest.mark.parametrize("rule", BROKEN, ids=lambda rule: str(rule.__name__))
def test_a_dialect_that_breaks_a_rule_is_found(rule: Callable[[Example], None]) -> None:
    dialect = cast(Dialect, SimpleNamespace(**vars(acme) | BROKEN[rule]))

    with pytest.raises((AssertionError, ValueError, LookupError, TypeError, BaseExceptionGroup)):
        rule(replace(ACME, dialect=dialect))


def test_every_dialect_has_an_example() -> None:
    assert {example.name for example in EXAMPLES} == {*DIALECTS, "acme"}
    assert set(DIALECTS) == set(get_args(DialectName)) == set(SERVICES)


def test_a_contract_keeps_every_dialect_from_the_others() -> None:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (modules,) = (
        contract["modules"]
        for contract in linter["contracts"]
        if contract["name"] == "A dialect knows no other dialect"
    )

    assert set(modules) == {vars(dialect)["__name__"] for dialect in DIALECTS.values()}


@pytest.mark.parametrize(
    ("part", "missing"),
    [
        ("translate", "it has no function translate(job, route, images, credentials)"),
        ("interpret", "it has no function interpret(response)"),
        ("read_error", "it has no function read_error(response)"),
        ("streams", "it has no function streams(binding)"),
        ("event_reader", "it has no function event_reader()"),
        ("FIRST_IMAGE", "it has no FIRST_IMAGE, a compiled pattern of bytes or None"),
    ],
)
def test_an_incomplete_dialect_is_refused_before_any_request(part: str, missing: str) -> None:
    parts = {name: value for name, value in vars(acme).items() if name != part}

    with pytest.raises(IncompleteDialectError, match=re.escape(f"acme is incomplete: {missing}")):
        register("acme", cast(Dialect, SimpleNamespace(**parts)))

    assert not supports("acme")


def test_a_dialect_with_another_signature_or_pattern_is_refused() -> None:
    parts = vars(acme) | {
        "interpret": lambda: None,
        "FIRST_IMAGE": re.compile("text"),
        "NEXT_IMAGE": re.compile(b"bytes"),
    }

    with pytest.raises(IncompleteDialectError) as caught:
        register("acme", cast(Dialect, SimpleNamespace(**parts)))

    assert "no function interpret(response)" in str(caught.value)
    assert "must be one of bytes" in str(caught.value)
    assert "its NEXT_IMAGE is not made by next_image_pattern" in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "missing"),
    [
        ({"OPERATIONS": ("edit",)}, "it has no function mask_convention(task)"),
        ({"mask_convention": lambda task: None}, "it has no OPERATIONS, some of generation, edit"),
    ],
)
def test_a_dialect_for_edits_has_both_of_its_parts(parts: dict[str, object], missing: str) -> None:
    with pytest.raises(IncompleteDialectError, match=re.escape(missing)):
        register("acme", cast(Dialect, SimpleNamespace(**vars(acme) | parts)))


@pytest.mark.parametrize(
    ("part", "missing"),
    [
        ("accepted", "it has no function accepted(response)"),
        ("progress", "it has no function progress(response, task)"),
        ("API_HOSTS", "it has no API_HOSTS, a collection of hosts"),
        ("RESULT_HOSTS", "it has no RESULT_HOSTS, a collection of hosts"),
    ],
)
def test_a_dialect_that_is_polled_has_all_of_its_parts(part: str, missing: str) -> None:
    parts = {name: value for name, value in vars(polled).items() if name != part}

    with pytest.raises(IncompleteDialectError, match=re.escape(missing)):
        register("polled", cast(Dialect, SimpleNamespace(**parts)))


@pytest.mark.parametrize("wrong", [{"API_HOSTS": "api.test"}, {"FIRST_IMAGE": re.compile(b"x")}])
def test_a_dialect_that_is_polled_lists_hosts_and_passes_nothing_through(
    wrong: dict[str, object],
) -> None:
    with pytest.raises(IncompleteDialectError, match=next(iter(wrong))):
        register("polled", cast(Dialect, SimpleNamespace(**vars(polled) | wrong)))


def test_a_dialect_edits_where_it_says_so() -> None:
    registered = [example.name for example in EXAMPLES if supports(example.name)]

    assert {name for name in registered if supports(name, "edit")} == set(registered) - {
        "google-predict",
        "vertex-predict",
    }


def test_a_dialect_streams_where_it_says_so() -> None:
    registered = [example for example in EXAMPLES if supports(example.name)]
    streaming = {example.name for example in registered if streams(example.route.binding)}
    assert streaming == {
        "openai-images",
        "azure-openai",
        "google-generate-content",
        "vertex-generate-content",
    }

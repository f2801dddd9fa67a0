"""What `api` of a binding changes in the calls to a server that has OpenAI's paths."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.dialects.openai.images import interpret, streams, translate
from tintype_gateway.dialects.registry import first_image, mask_convention, serves
from tintype_gateway.values.content import BytesContent, InputImage
from tintype_gateway.values.images import GeneratedImage
from tintype_gateway.values.upstream import UpstreamRequest
from tintype_testing.builders import binding, job, route, upstream_response
from tintype_testing.upstream_requests import sent_json, sent_parts

FOX = InputImage(BytesContent(b"a fox"), "png", Size(64, 48))
OWL = InputImage(BytesContent(b"an owl"), "jpeg", Size(64, 48))
MASK = InputImage(BytesContent(b"the mask"), "png", Size(64, 48))


def request(
    api: dict[str, Any] | None = None, images: int = 1, *, spec: Any = None, **asked: Any
) -> UpstreamRequest:
    own = {"endpoint": "http://gpu.example:8000", "api": api or {}} | (spec or {})
    return translate(job(**asked), route(**own), images, {"api-key": "sk-1"})


def body(api: dict[str, Any] | None = None, images: int = 1, **asked: Any) -> Any:
    return sent_json(request(api, images, **asked))


def test_a_server_is_asked_for_base64_with_a_plain_size() -> None:
    assert body(images=2) == {
        "model": "canvas",
        "prompt": "A hedgehog",
        "n": 2,
        "size": "1024x1024",
        "response_format": "b64_json",
    }


@pytest.mark.parametrize(
    ("send", "fields"),
    [
        ({"responseFormat": "url"}, {"response_format": "url"}),
        ({"responseFormat": "Omit"}, {"response_format": None}),
        ({"imageCount": "Omit"}, {"n": None}),
        ({"size": "WidthHeight"}, {"size": None, "width": 1024, "height": 1024}),
        ({"size": "Omit"}, {"size": None}),
        ({"quality": "Omit"}, {"quality": None}),
        ({"seed": "Omit"}, {"seed": None}),
        ({"stream": "Send"}, {"stream": False}),
    ],
)
def test_each_field_is_sent_in_its_form_or_left_out(
    send: dict[str, str], fields: dict[str, Any]
) -> None:
    asked: dict[str, Any] = {"quality": "high", "seed": 7}
    expected = body(**asked) | fields

    assert body({"send": send}, **asked) == {k: v for k, v in expected.items() if v is not None}


@pytest.mark.parametrize(
    ("send", "fields"),
    [
        ({"auto": "Send"}, {"size": "auto"}),
        ({"auto": "Send", "size": "WidthHeight"}, {"size": "auto"}),
        ({"auto": "Omit"}, {}),
        ({}, {"size": "768x512"}),
        ({"size": "WidthHeight"}, {"width": 768, "height": 512}),
        ({"auto": "Send", "size": "Omit"}, {}),
    ],
)
def test_auto_becomes_what_the_server_knows(send: dict[str, str], fields: dict[str, Any]) -> None:
    wanted = replace(job(size=SizeChoice()), default_size=Size(768, 512))
    sent = sent_json(translate(wanted, route(api={"send": send}), 1, {"api-key": "sk-1"}))

    assert {name: sent[name] for name in ("size", "width", "height") if name in sent} == fields


@given(st.sampled_from(["seed", "guidance", "output_format"]), st.integers(0, 9))
def test_a_client_cannot_change_what_each_call_has(name: str, asked: int) -> None:
    api = {"defaults": {name: 42, "steps": 8}}

    sent = body(api, extras={name: asked})

    assert (sent[name], sent["steps"]) == (42, 8)


def test_defaults_and_fields_of_a_client_meet_in_one_object() -> None:
    api: dict[str, Any] = {"defaults": {"nvext": {"annotations": []}}}

    assert body(api, extras={"nvext": {"seed": 7}})["nvext"] == {"seed": 7, "annotations": []}


def test_the_path_and_the_query_are_those_of_the_server() -> None:
    api = {"pathPrefix": "/openai/deployments/fox", "query": {"api-version": "2025-04-01/preview"}}

    assert request(api).url == (
        "http://gpu.example:8000/openai/deployments/fox/images/generations"
        "?api-version=2025-04-01%2Fpreview"
    )
    assert request({"pathPrefix": ""}).url == "http://gpu.example:8000/images/generations"


def test_the_key_is_sent_in_its_header() -> None:
    assert request().headers["Authorization"] == "Bearer sk-1"
    named = request({"keyHeader": "api-key"}).headers
    assert (named["api-key"], "Authorization" in named) == ("sk-1", False)


def test_a_server_without_a_key_gets_none() -> None:
    headers = request(spec={"credentials": {"none": True}}).headers

    assert headers.keys() == {"Content-Type", "Accept"}


def test_a_mask_has_the_field_and_the_convention_of_the_server() -> None:
    api = {"mask": {"convention": "white_edits", "field": "mask_image"}}
    parts = sent_parts(request(api, inputs=(FOX,), mask=MASK))

    assert [part.name for part in parts if part.filename] == ["image", "mask_image"]
    assert mask_convention(binding(api=api), None) == "white_edits"


def test_a_server_takes_no_mask_that_says_nothing_of_masks() -> None:
    assert mask_convention(binding(api={}), None) is None
    assert mask_convention(binding(), None) == "alpha"


def test_edits_have_their_own_path_and_field() -> None:
    api = {"edits": {"path": "inpainting", "imageField": "source"}}
    sent = request(api, inputs=(FOX, OWL))

    assert sent.url.endswith("/v1/images/inpainting")
    assert [part.name for part in sent_parts(sent) if part.filename] == ["source[]"] * 2


def test_images_in_json_are_data_urls() -> None:
    api = {"edits": {"body": "Json"}, "mask": {"convention": "alpha"}}
    sent = request(api, inputs=(FOX,), mask=MASK)

    assert sent.headers["Content-Type"] == "application/json"
    assert sent_json(sent)["image"] == "data:image/png;base64,YSBmb3g="
    assert sent_json(sent)["mask"] == "data:image/png;base64,dGhlIG1hc2s="
    assert sent_json(request(api, inputs=(FOX, OWL)))["image"] == [
        "data:image/png;base64,YSBmb3g=",
        "data:image/jpeg;base64,YW4gb3ds",
    ]


def test_a_server_has_the_operations_that_its_binding_lists() -> None:
    generates = binding(api={"operations": ["generation"]})

    assert serves(generates, "generation")
    assert not serves(generates, "edit")
    assert serves(binding(), "edit")


def test_a_server_streams_only_where_its_binding_says_so() -> None:
    assert streams(binding(api={"streaming": True}))
    assert not streams(binding(api={}))


@pytest.mark.parametrize("api", [{"stripText": True}, {"send": {"responseFormat": "url"}}])
def test_images_that_are_changed_or_fetched_are_not_passed_through(api: dict[str, Any]) -> None:
    assert first_image(binding(api=api)) is None
    assert first_image(binding(api={})) is not None


@pytest.mark.parametrize("url", ["/v1/images/1/content", "http://gpu.example/1.png"])
def test_an_image_may_be_named_by_its_url(url: str) -> None:
    entry = {"b64_json": None, "url": url, "revised_prompt": "A fox", "file_path": "/out/1.png"}

    result = interpret(upstream_response(json.dumps({"created": 17, "data": [entry]}).encode()))

    assert result.images == (GeneratedImage(b"", revised_prompt="A fox", url=url),)


def test_a_data_url_is_the_image() -> None:
    entry = {"url": "data:image/png;base64,YSBmb3g="}

    assert interpret(upstream_response({"data": [entry]})).images == (GeneratedImage(b"YSBmb3g="),)


def test_the_singular_of_dynamo_counts_as_token_details() -> None:
    usage = {"input_tokens": 8, "output_tokens": 300, "output_token_details": {"text_tokens": 28}}

    counts = interpret(upstream_response({"data": [{"b64_json": "YQ=="}], "usage": usage})).usage

    assert counts is not None
    assert (counts.image_output, counts.text_output) == (272, 28)

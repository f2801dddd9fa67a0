"""`api` of a binding: what a server with OpenAI's paths takes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.samples import fault
from tintype_catalog.api_options import ApiOptions
from tintype_catalog.compiler import compile_manifests
from tintype_catalog.server_fields import is_dangerous, refused_fields, refused_text
from tintype_testing.manifests import Manifest, image_model, provider_binding, read


def options(**fields: Any) -> ApiOptions:
    read_options = read(ApiOptions, fields)
    assert isinstance(read_options, ApiOptions)
    return read_options


def own_server(**api: Any) -> Manifest:
    return provider_binding(credentials={"none": True}, api=api)


def test_a_server_needs_no_credentials() -> None:
    compilation = compile_manifests([image_model(), own_server()], secrets={})

    assert not compilation.problems
    assert compilation.catalog.bindings[0].api == ApiOptions()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dialect": "google-predict", "api": {}}, "`api` goes with the dialect openai-images"),
        (
            {"dialect": "google-predict", "credentials": {"none": True}},
            "`credentials.none` goes with the dialect openai-images",
        ),
        (
            {"credentials": {"none": True, "secretRef": {"name": "a"}}},
            "exactly one of `secretRef`, `workloadIdentity: true` and `none: true`",
        ),
        ({"api": {"keyHeader": "Content-Length"}}, "`keyHeader` must not be a header that HTTP"),
        ({"api": {"defaults": {"n": 4}}}, "n: the gateway sets this field itself"),
        ({"api": {"pathPrefix": "/v1/"}}, "should match pattern"),
        ({"api": {"mask": {"field": "mask"}}}, "required"),
    ],
)
def test_contradictory_options_are_refused(change: Manifest, message: str) -> None:
    assert message in fault(provider_binding(**change)).message


@pytest.mark.parametrize(
    ("model", "api", "field", "message"),
    [
        (
            {"limits": {"maxImagesPerCall": 4}},
            {"send": {"imageCount": "Omit"}},
            "spec.api.send.imageCount",
            "`limits.maxImagesPerCall` of the model is 4",
        ),
        (
            {"providerParameters": {"lora": []}, "defaults": {"lora": "sketch"}},
            {},
            "spec.api.allowedFields",
            "must list lora",
        ),
        (
            {"operations": {"edit": {}}},
            {"operations": ["generation"]},
            "spec.api.operations",
            "has none of those of the model: edit",
        ),
        (
            {"operations": {"edit": {"mask": "Required"}}},
            {},
            "spec.api.mask",
            "`edit` of the model always has a mask",
        ),
    ],
)
def test_options_that_do_not_fit_the_model_are_refused(
    model: Manifest, api: Manifest, field: str, message: str
) -> None:
    (problem,) = compile_manifests([image_model(**model), own_server(**api)]).problems

    assert (problem.field, problem.reason) == (field, "Invalid")
    assert message in problem.message


@pytest.mark.parametrize(
    "name",
    [
        *("lora", "loraPath", "lora_path", "upscaling_model_path", "perf_dump_path", "url"),
        *("generator_device", "extra_params", "diffusers_kwargs", "script_args", "vae_use_tiling"),
        *("alwayson_scripts", "override_settings", "init_images", "mask_image", "api_base"),
        *("enable_upscaling", "hr_scale", "progressive_mode", "kwargs", "sd_cpp_extra_args"),
    ],
)
def test_a_field_that_reaches_into_the_server_must_be_listed(name: str) -> None:
    assert is_dangerous(name)
    assert [*refused_fields({name: "x"}, options())] == [name]
    assert [*refused_fields({name: "x"}, options(allowedFields=[name]))] == []


@pytest.mark.parametrize(
    "name",
    [
        *("seed", "num_inference_steps", "guidance_scale", "true_cfg_scale", "flow_shift"),
        *("negative_prompt", "strength", "step", "steps", "enhance_prompt", "nvext"),
        *("output_quality", "resolution", "sampler_name", "scheduler", "cfg_scale"),
    ],
)
def test_other_fields_need_no_list(name: str) -> None:
    assert [*refused_fields({name: 1}, options())] == []


def test_a_list_names_all_fields_of_clients() -> None:
    listed = options(allowedFields=["steps"])

    assert [*refused_fields({"steps": 8, "guidance_scale": 3}, listed)] == ["guidance_scale"]


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=4))
def test_a_dangerous_field_is_found_at_any_depth(way: list[str]) -> None:
    inner: object = {"lora_path": "/weights"}
    for name in reversed(way):
        inner = [{name: inner}]

    assert [*refused_fields({"nvext": inner}, options(allowedFields=["nvext"]))] == [
        ".".join(["nvext", *way, "lora_path"])
    ]


def test_a_dangerous_part_of_a_field_may_be_listed() -> None:
    listed = options(allowedFields=["nvext", "nvext.lora"])

    assert [*refused_fields({"nvext": {"lora": {"path": "/weights"}}}, listed)] == []


def test_a_part_that_is_listed_admits_no_other_part() -> None:
    listed = options(allowedFields=["nvext.seed"])

    given = {"nvext": {"seed": 1, "annotations": []}}
    assert [*refused_fields(given, listed)] == ["nvext.annotations"]


@pytest.mark.parametrize("prompt", ["a <sd_cpp_extra_args>{}", "A <SD_CPP_extra_args>"])
def test_the_tag_of_stable_diffusion_cpp_is_refused_everywhere(prompt: str) -> None:
    assert refused_text(["a cat", prompt], options()) == "sd_cpp_extra_args"


def test_a_binding_names_further_texts() -> None:
    assert refused_text(["a cat | dogs"], options(refusedInPrompts=["|"])) == "|"
    assert refused_text(["a cat | dogs"], options()) is None

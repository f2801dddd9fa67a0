"""What becomes of a prompt where the provider needs none, or takes none."""

import pytest

from tintype_catalog.operations import OperationRule, VariationRule
from tintype_gateway.errors import UnsupportedParameterError
from tintype_gateway.pipeline.stages.adapt import Handling, adapt
from tintype_gateway.values.job import Job
from tintype_testing.builders import snapshot, valid
from tintype_testing.manifests import image_model

CUT_OUT = OperationRule(task="remove-background", prompt="None")
RESTYLE = OperationRule(prompt="Optional", default_prompt="As an oil painting.")


def adapted(rule: OperationRule, prompt: str, handling: Handling = "lenient") -> Job:
    known = snapshot(image_model())
    return adapt(valid(known, prompt=prompt), known.models["canvas"], handling, rule=rule)


def test_a_prompt_that_the_provider_does_not_take_is_stripped() -> None:
    job = adapted(CUT_OUT, "a fox")

    assert (job.prompt, job.adjustments) == ("", ("prompt=stripped",))


def test_a_prompt_that_the_provider_does_not_take_is_refused_under_strict_handling() -> None:
    with pytest.raises(UnsupportedParameterError) as refused:
        adapted(CUT_OUT, "a fox", "strict")

    assert refused.value.param == "prompt"
    assert "handling is strict" in refused.value.message


def test_a_prompt_of_the_request_goes_before_that_of_the_catalog() -> None:
    job = adapted(RESTYLE, "a fox", "strict")

    assert (job.prompt, job.adjustments) == ("a fox", ())


def test_a_fixed_prompt_stands_in_for_one_that_is_not_taken() -> None:
    job = adapted(VariationRule(default_prompt="Like this."), "a fox")

    assert (job.prompt, job.adjustments) == ("Like this.", ("prompt=stripped",))

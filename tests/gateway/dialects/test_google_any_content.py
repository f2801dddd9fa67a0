"""Any response of a Gemini image model is a result or a fault."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.strategies import json_values
from tests.gateway.images.documents import documents
from tintype_gateway.dialects.google.generate_content import interpret
from tintype_gateway.values.faults import UpstreamFault
from tintype_testing.builders import upstream_response

parts = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "text": json_values | st.text(),
            "thought": json_values,
            "inlineData": json_values | st.fixed_dictionaries({"data": json_values | st.text()}),
        },
    )
)
candidates = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "content": json_values | st.fixed_dictionaries({"parts": parts | json_values}),
            "finishReason": json_values | st.sampled_from(["STOP", "NO_IMAGE", "X"]),
        },
    )
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "candidates": candidates | json_values,
            "promptFeedback": json_values,
            "usageMetadata": json_values,
        },
    )
)
def test_any_json_is_read_or_a_fault(content: object) -> None:
    with suppress(UpstreamFault):
        interpret(upstream_response(content))


@given(st.binary() | documents())
def test_any_bytes_are_read_or_a_fault(text: bytes) -> None:
    with suppress(UpstreamFault):
        interpret(upstream_response(text))

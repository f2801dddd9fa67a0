"""The bodies that many requests share."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.strategies import json_values
from tintype_gateway.http.json_document import JsonDocument


@given(st.lists(json_values, max_size=4))
def test_a_list_in_steps_is_the_list_at_once(items: list[object]) -> None:
    document = JsonDocument.of_list(iter(items))

    assert document == JsonDocument.of({"object": "list", "data": items})
    assert json.loads(document.body)["data"] == items

"""Small JSON texts are what the standard library reads."""

import json
from typing import Any

import pytest
from hypothesis import given

from tests.catalog.strategies import json_values
from tintype_gateway.values.json_text import json_bytes


@given(json_values)
def test_any_value_comes_back(value: Any) -> None:
    text = json_bytes(value)

    assert text.isascii()
    assert json.loads(text) == value


@pytest.mark.parametrize("text", ["\ud800", "a\udfff", "\U0001f600", "é\x85\u2028", '"\\\n\x00'])
def test_any_text_comes_back_in_ascii(text: str) -> None:
    written = json_bytes({"prompt": text, "n": 1})

    assert written.isascii()
    assert b" " not in written
    assert json.loads(written) == {"prompt": text, "n": 1}

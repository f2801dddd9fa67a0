"""What hypothesis draws from: JSON documents with long strings, written in any way JSON allows."""

import json
from typing import Any

from hypothesis import strategies as st

from tintype_gateway.images.lazy_json import SHORTEST_BLOB

short_texts = st.text(max_size=8) | st.sampled_from(['"', "\\", '\\"', "\\\\", "/", "NaN", "é", ""])
long_texts = st.builds(
    lambda part, more, end: part * (SHORTEST_BLOB // len(part) + more) + end,
    st.sampled_from(["A", "AbC+/9==", "/", "é", '"', "\\", "a b", "🖼"]) | st.text(min_size=1),
    st.integers(-1, 2),
    short_texts,
)
texts = short_texts | long_texts

values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(texts, children, max_size=4),
    max_leaves=10,
)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Draw the text of a document: any values, white space, and ways to escape them."""
    text = json.dumps(
        draw(values),
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, 1, "\t"])),
        separators=draw(st.sampled_from([(",", ":"), (" ,\r\n ", " : ")])),
    )
    if draw(st.booleans()):
        text = text.replace("/", "\\/")
    space = draw(st.text(" \t\r\n", max_size=3))
    return f"{space}{text}{space}".encode()

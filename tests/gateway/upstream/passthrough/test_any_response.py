"""A response that passes through has the same content as one that is read whole."""

import json
import random
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from tests.gateway.upstream.passthrough.reading import SAMPLES, passed_through, whole

TEXTS = st.text(max_size=20) | st.sampled_from(['","b64_json":"', '"data":[{', "\\", "NaN", "/"])
VALUES = st.none() | st.booleans() | st.integers(0, 10**6) | TEXTS
CUTS = st.builds(
    lambda step, others: [*range(step, 500_000, step), *others],
    st.integers(1_000, 60_000),
    st.lists(st.integers(0, 500_000) | st.integers(150_000, 170_000), max_size=20),
)
IMAGES = st.integers(0, len(SAMPLES) - 1).map(lambda number: SAMPLES[number])  # short to print

USAGES = st.fixed_dictionaries(
    {"input_tokens": st.integers(0, 99), "output_tokens": st.integers(0, 9999)}
)
ENTRIES = st.fixed_dictionaries(
    {"b64_json": IMAGES}, optional={"revised_prompt": VALUES, "url": st.none(), "x": VALUES}
)
OPENAI = st.fixed_dictionaries(
    {"data": st.lists(ENTRIES, min_size=1, max_size=3)},
    optional={
        "created": st.integers(0, 2**31),
        "usage": USAGES,
        "background": VALUES,
        "quality": VALUES,
        "preview": IMAGES,
        "note": VALUES,
    },
)
AMAZON = st.fixed_dictionaries(
    {"images": st.lists(IMAGES, min_size=1, max_size=3)}, optional={"error": st.none() | TEXTS}
)
STABILITY = st.fixed_dictionaries(
    {"images": st.lists(IMAGES, min_size=1, max_size=1)},
    optional={"seeds": st.just([7]), "finish_reasons": st.just([None])},
)
PREDICTIONS = st.fixed_dictionaries(
    {"bytesBase64Encoded": IMAGES}, optional={"mimeType": TEXTS, "prompt": TEXTS}
)
PREDICT = st.fixed_dictionaries(
    {
        "predictions": st.lists(
            PREDICTIONS | st.just({"raiFilteredReason": "no"}), min_size=1, max_size=3
        ).filter(lambda entries: any("bytesBase64Encoded" in entry for entry in entries))
    },
    optional={"model": TEXTS},
)
RESPONSES = {
    "openai-images": OPENAI,
    "bedrock-amazon": AMAZON,
    "bedrock-stability": STABILITY,
    "google-predict": PREDICT,
}


@pytest.mark.parametrize("name", RESPONSES)
@given(data=st.data())
async def test_a_response_passed_through_is_the_same_as_a_whole_one(
    name: str, data: st.DataObject
) -> None:
    document = data.draw(RESPONSES[name])
    content = written(document, data)

    result, passed = await passed_through(content, name, data.draw(CUTS))
    event(f"images passed through: {passed}")

    assert result == await whole(content, name)


def written(document: Any, data: st.DataObject) -> bytes:
    """Return one of the many texts that stand for a document."""
    shuffled = _shuffled(document, data.draw(st.randoms(use_true_random=False)))
    text = json.dumps(
        shuffled, ensure_ascii=data.draw(st.booleans()), indent=data.draw(st.none() | st.just(1))
    )
    if data.draw(st.integers(0, 4)) == 0:
        text = text.replace("/", "\\/")  # as some writers do
    return text.encode()


def _shuffled(value: Any, order: random.Random) -> Any:
    if isinstance(value, list):
        return [_shuffled(item, order) for item in value]
    if not isinstance(value, dict):
        return value
    names = list(value)
    order.shuffle(names)
    return {name: _shuffled(value[name], order) for name in names}

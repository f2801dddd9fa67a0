"""Foreign texts as they may be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.observability.access_log import REMOVED, shown

LIMIT = 120


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-Ab3dEf6hIj",
        "sk-ab***************xyz",
        "sk-tintype-0123abcd",
        "AIzaSyA-0123456789abcdefghijklmnopqrstu",
        "ya29.a0AfH6SMBx-y_z",
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl",
        "Bearer abc.def",
        "api_key=hunter2",
        "key: hunter2",
    ],
)
def test_a_secret_is_removed_wherever_it_stands(secret: str) -> None:
    assert shown(f"Refused for {secret}, sorry", LIMIT) == f"Refused for {REMOVED}, sorry"
    assert shown(secret, LIMIT) == REMOVED
    assert REMOVED in shown(f'{{"key": "{secret}"}}', LIMIT)


@pytest.mark.parametrize(
    "text",
    [
        "Unable to show generated images. Support codes: 29310472",
        "Filter reason: output image",
        "IMAGE_PROHIBITED_CONTENT",
        "Risky or task-based content: see https://example.com/policies#images",
        "req 123e4567-e89b-12d3-a456-426614174000",
        "画像を表示できません",
    ],
)
def test_text_without_secrets_stays(text: str) -> None:
    assert shown(text, LIMIT) == text


@given(st.text(), st.integers(2, 50))
def test_any_text_is_one_bounded_line(text: str, limit: int) -> None:
    line = shown(text, limit)

    assert len(line) <= limit
    assert line.isprintable()
    assert line == " ".join(line.split())


def test_a_secret_is_not_cut_before_it_is_removed() -> None:
    assert "sk-" not in shown("x" * (LIMIT - 5) + " sk-proj-Ab3dEf6hIj", LIMIT)

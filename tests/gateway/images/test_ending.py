"""Whether a picture is there to its end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.pictures import drawn, encoded
from tintype_gateway.images.ending import is_whole, shows_end

FORMS = ["png", "jpeg", "webp"]
FILES = {form: drawn(form, 64, 48) for form in FORMS}


@pytest.mark.parametrize("form", FORMS)
def test_a_whole_picture_has_its_end(form: str) -> None:
    assert is_whole(encoded(FILES[form]), form)


@given(st.sampled_from(FORMS), st.floats(0, 1, exclude_max=True))
def test_whatever_part_is_left_of_a_picture_does_not(form: str, share: float) -> None:
    file = FILES[form]
    part = file[: 30 + int(share * (len(file) - 31))]

    assert not is_whole(encoded(part), form)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("more", [b"\n", bytes(500)])
def test_what_follows_a_whole_picture_does_not_matter(form: str, more: bytes) -> None:
    assert is_whole(encoded(FILES[form] + more), form)


@pytest.mark.parametrize("form", FORMS)
def test_the_first_and_the_last_characters_show_the_end(form: str) -> None:
    text = encoded(FILES[form])

    assert shows_end(text[:64], text[-64:], len(text), form)
    assert not shows_end(text[:64], text[-100:-20], len(text) - 20, form)

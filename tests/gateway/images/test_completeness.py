"""Whether an image is there to its end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.images.container import LongWalkError, is_whole
from tintype_testing.sample_images import drawn, encoded

FORMS = ["png", "jpeg", "webp"]
FILES = {form: drawn(form, 64, 48) for form in FORMS}


@pytest.mark.parametrize("form", FORMS)
def test_a_whole_image_has_its_end(form: str) -> None:
    assert is_whole(encoded(FILES[form]), form)


@given(st.sampled_from(FORMS), st.floats(0, 1, exclude_max=True))
def test_no_truncated_image_is_complete(form: str, share: float) -> None:
    file = FILES[form]
    part = file[: 30 + int(share * (len(file) - 31))]

    assert not is_whole(encoded(part), form)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("more", [b"\n", bytes(500), bytes(200_000)])
def test_bytes_after_a_whole_image_do_not_matter(form: str, more: bytes) -> None:
    assert is_whole(encoded(FILES[form] + more), form)


@pytest.mark.parametrize("more", [1000, 10_000_000])
def test_a_jpeg_that_breaks_off_is_not_whole_for_the_sake_of_its_thumbnail(more: int) -> None:
    thumbnail = b"\xff\xe1\0\x20Exif" + b"\xff\xd9" * 13
    file = FILES["jpeg"][:2] + thumbnail + FILES["jpeg"][2:-2]

    assert not is_whole(encoded(file + bytes(more)), "jpeg", None)
    assert is_whole(encoded(file + b"\xff\xd9" + bytes(more)), "jpeg", None)


def test_a_long_search_for_the_end_is_not_begun_where_it_should_be_short() -> None:
    with pytest.raises(LongWalkError):
        is_whole(encoded(FILES["jpeg"] + bytes(10_000_000)), "jpeg")

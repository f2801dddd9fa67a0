"""Whether an image carries a C2PA manifest, judged by its file."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.images.container import has_c2pa
from tintype_simulator.painting.content_credentials import with_manifest
from tintype_testing.sample_images import drawn, encoded

FORMS = ["png", "jpeg", "webp"]
FILES = {form: drawn(form, 64, 48) for form in FORMS}


@pytest.mark.parametrize("form", FORMS)
def test_a_manifest_is_found(form: str) -> None:
    assert has_c2pa(encoded(with_manifest(FILES[form], form)), form)


@pytest.mark.parametrize("form", FORMS)
def test_an_image_without_one_has_none(form: str) -> None:
    assert not has_c2pa(encoded(FILES[form]), form)


def test_words_about_a_manifest_are_none() -> None:
    file = drawn("jpeg", 64, 48, comment=b"JP c2pa caBX C2PA")
    assert not has_c2pa(encoded(file), "jpeg")


def test_a_jpeg_segment_of_another_purpose_is_none() -> None:
    file = FILES["jpeg"]
    segment = b"\xff\xeb\x00\x10" + b"HDR10 c2pa...."
    assert not has_c2pa(encoded(file[:2] + segment + file[2:]), "jpeg")


@given(st.sampled_from(FORMS), st.binary(max_size=300))
def test_no_damage_makes_it_fail(form: str, rest: bytes) -> None:
    with suppress(ValueError):  # such as two headers
        has_c2pa(encoded(FILES[form][:40] + rest), form)

"""The digest of a body says what the client asked for, and not how it was packed."""

import hashlib
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.values.content import BytesContent, Upload, digest_of, sha256_of

RED, BLUE = (
    Upload(BytesContent(data), "image", hashlib.sha256(data).hexdigest())
    for data in (b"red", b"blue")
)
FIELDS = (("model", "canvas"), ("prompt", "a fox"), ("l[]", "1"), ("l[]", "2"))


@given(st.binary(max_size=64), st.integers(0, 80), st.integers(0, 80))
def test_content_in_memory_reads_like_the_slices_of_its_bytes(
    data: bytes, offset: int, length: int
) -> None:
    content = BytesContent(data)

    assert content.read(offset, length) == data[offset : offset + length]
    assert content.length == len(data)


def test_the_digest_of_a_content_is_that_of_all_its_bytes() -> None:
    data = bytes(range(251)) * 3000  # more than is read at once

    assert sha256_of(BytesContent(data)) == hashlib.sha256(data).hexdigest()


@given(st.permutations(FIELDS[:3]))
def test_the_order_of_fields_of_different_names_does_not_matter(
    fields: list[tuple[str, str]],
) -> None:
    assert digest_of(fields, [RED], None) == digest_of(FIELDS[:3], [RED], None)


def test_the_order_of_the_items_of_a_list_matters() -> None:
    turned = (*FIELDS[:2], FIELDS[3], FIELDS[2])

    assert digest_of(turned, [], None) != digest_of(FIELDS, [], None)


def test_images_their_order_and_the_mask_matter() -> None:
    bodies = [([RED], None), ([RED, BLUE], None), ([BLUE, RED], None), ([RED], BLUE), ([BLUE], RED)]

    assert len({digest_of(FIELDS, images, mask) for images, mask in bodies}) == len(bodies)


def test_a_text_and_its_field_matter() -> None:
    bodies = [[("prompt", "a fox")], [("prompt", "a cat")], [("user", "a fox")], []]

    assert len({digest_of(fields, [RED], None) for fields in bodies}) == len(bodies)


def test_names_of_files_fields_do_not_matter() -> None:
    listed = replace(RED, param="image[0]")

    assert digest_of(FIELDS, [listed], None) == digest_of(FIELDS, [RED], None)

"""GIF and SVG that a provider makes: described by what their bytes say, and never decoded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_catalog.sizes import Size
from tintype_gateway.images.documents import HEAD_BYTES, svg_size
from tintype_gateway.images.inspection import Inspection, inspect_fully
from tintype_testing.sample_images import drawn, encoded


def inspected(file: bytes) -> Inspection:
    return inspect_fully(encoded(file), find_c2pa=True)


def svg(attributes: str = "", inside: str = "<path d='M0 0'/>") -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{inside}</svg>'.encode()


def test_a_gif_is_described_by_its_header() -> None:
    assert inspected(drawn("gif", 300, 200)) == Inspection("gif", Size(300, 200), has_c2pa=False)


@pytest.mark.parametrize("file", [drawn("gif", 300, 200)[:-1], svg()[:-3], svg() + b"<p>"])
def test_a_file_that_breaks_off_is_refused(file: bytes) -> None:
    with pytest.raises(ValueError, match="breaks off"):
        inspected(file)


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="300" height="200"', Size(300, 200)),
        ("width='300px' height='200.4px'", Size(300, 200)),
        ('width="1in" height="2.54cm"', Size(96, 96)),
        ('viewBox="0 0 640 480"', Size(640, 480)),
        ('viewBox="-5,-5, 640,480"', Size(640, 480)),
        ('width="320" viewBox="0 0 640 480"', Size(320, 240)),
        ('height="240" viewBox="0 0 640 480"', Size(320, 240)),
        ('width="100%" height="100%" viewBox="0 0 64 48"', Size(64, 48)),
        ('width="100%" height="50"', None),
        ('width="0" height="50"', None),
        ('width="9999999" height="50"', None),
        ("", None),
    ],
)
def test_the_size_of_an_svg_is_its_declared_size_in_pixels(
    attributes: str, size: Size | None
) -> None:
    assert inspected(svg(attributes)) == Inspection("svg", size, has_c2pa=False)


@pytest.mark.parametrize(
    "prolog",
    [
        '<?xml version="1.0" encoding="UTF-8"?>\n',
        "\ufeff",
        "<!-- a <svg> - in a comment -->\n",
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd">',
    ],
)
def test_nodes_before_the_first_element_are_skipped(prolog: str) -> None:
    assert inspected(prolog.encode() + svg('width="30" height="20"')).size == Size(30, 20)


def test_an_empty_svg_and_a_prefix_are_svg_all_the_same() -> None:
    assert inspected(b'<svg width="30" height="20"/>').size == Size(30, 20)
    assert inspected(b'<s:svg width="30" height="20"></s:svg>\n<!-- end -->\n').format == "svg"


@pytest.mark.parametrize(
    "file",
    [
        b"<html><svg></svg></html>",
        b'<!DOCTYPE svg [<!ENTITY a "aaaa">]>' + svg(),
        b"<svg " + b"a='b' " * HEAD_BYTES + b"></svg>",
        b"<svgx></svgx>",
        b"<",
    ],
)
def test_other_markup_and_declared_entities_are_refused(file: bytes) -> None:
    with pytest.raises(ValueError, match=r"first element|breaks off"):
        inspected(file)


def test_content_credentials_are_found_where_the_formats_have_them() -> None:
    marked = svg(inside="<metadata><c2pa:manifest>AAAA</c2pa:manifest></metadata>")
    assert inspected(marked).has_c2pa
    gif = drawn("gif", 30, 20)
    assert inspected(gif[:-1] + b"\x21\xff\x0bC2PA_GIF\1\0\0\0" + gif[-1:]).has_c2pa


@given(st.binary(max_size=200))
def test_any_bytes_are_an_svg_or_a_value_error(head: bytes) -> None:
    for data in (head, b"<svg " + head, b"<svg viewBox='" + head):
        try:
            size = svg_size(data)
        except ValueError:
            continue
        assert size is None or min(size) >= 1

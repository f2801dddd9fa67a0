"""Values that are frozen for the type checker only."""

import pytest

from tintype_gateway.frozen import frozen_value


@frozen_value(frozen=True, slots=True)
class Point:
    """A value of two fields."""

    x: int
    y: int


def test_values_with_equal_fields_are_equal_and_have_the_same_hash() -> None:
    assert Point(1, 2) == Point(1, 2)
    assert hash(Point(1, 2)) == hash(Point(1, 2))
    assert len({Point(1, 2), Point(1, 2), Point(2, 1)}) == 2


def test_a_value_that_is_not_frozen_is_refused() -> None:
    with pytest.raises(TypeError, match="frozen"):
        frozen_value(frozen=False)

"""Amounts of money in responses."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.strategies import json_values
from tintype_gateway.dialects.common import usd

TICK = Decimal("1e-10")


@pytest.mark.parametrize(
    ("value", "amount"),
    [(0.1, "0.1"), (3, "3"), (1e-7, "0.0000001"), (-2, "-2"), (2**80, "1208925819614629174706176")],
)
def test_a_number_is_the_amount_that_its_digits_say(value: float, amount: str) -> None:
    assert usd(value) == Decimal(amount)


def test_an_amount_counts_units() -> None:
    assert usd(220_000_001, TICK) == Decimal("0.0220000001")


@pytest.mark.parametrize("value", [None, True, "0.1", [], {}, memoryview(b"1")])
def test_what_is_no_number_is_no_amount(value: object) -> None:
    assert usd(value) is None


@given(json_values | st.floats())
def test_whatever_a_response_has_for_it_raises_nothing(value: object) -> None:
    amount = usd(value, TICK)

    assert amount is None or isinstance(amount, Decimal)


def test_a_number_with_more_digits_than_python_reads_is_no_amount() -> None:
    assert usd(10**5000) is None

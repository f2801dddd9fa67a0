"""What a stream costs: whatever is sent in whatever order, the parts add up to the charge."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.builders import USAGE, delivered, finished_call, route, settlement
from tintype_catalog.sizes import Size
from tintype_gateway.errors import UnavailableError
from tintype_gateway.ledger.interface import Settlement
from tintype_gateway.streaming.till import Till
from tintype_gateway.values import FinishedCall

HOLD = 1000


def price(calls: Sequence[FinishedCall]) -> int:
    """Ask 100 for a picture, or what a call with usage used."""
    return sum(100 * len(call.images) if call.generation.usage is None else 350 for call in calls)


class Ledger:
    """A ledger that charges at most what was held, and notes what for."""

    def __init__(self, *, fails: bool = False) -> None:
        self.charges: list[list[FinishedCall]] = []
        self.fails = fails

    async def settle(self, calls: Sequence[FinishedCall]) -> Settlement:
        if self.fails:
            raise UnavailableError("the ledger is away")
        self.charges.append(list(calls))
        return settlement(charged=min(price(calls), HOLD))


def calls_of(sizes: Sequence[int], **generation: object) -> list[FinishedCall]:
    made, first = [], 0
    for size in sizes:
        call = delivered([Size(64, 48)] * size, **generation)
        made.append(FinishedCall(first, size, call.route, call.generation, call.images))
        first += size
    return made


async def sold(till: Till, calls: Sequence[FinishedCall], most: int = 100) -> list[int]:
    """Sell at most so many pictures one by one, and return what each was announced to cost."""
    order = [(call, number + 1) for call in calls for number in range(len(call.images))]
    charges = [
        await till.sell(call, pictures, is_last=place == len(order) - 1)
        for place, (call, pictures) in enumerate(order[:most])
    ]
    return [charge.credits for charge in charges]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.booleans())
async def test_what_is_announced_adds_up_to_the_one_charge(
    sizes: list[int], has_usage: bool
) -> None:
    ledger = Ledger()
    calls = calls_of(sizes, usage=USAGE if has_usage else None)

    announced = await sold(Till(price, ledger.settle), calls)

    (charged,) = ledger.charges
    assert [len(call.images) for call in charged] == sizes
    assert sum(announced) == min(price(calls), HOLD)


async def test_a_client_that_leaves_is_charged_for_what_was_sent() -> None:
    ledger = Ledger()
    till = Till(price, ledger.settle)

    await sold(till, calls_of([2, 3]), most=3)
    await till.close_early()

    (charged,) = ledger.charges
    assert [len(call.images) for call in charged] == [2, 1]
    assert price(charged) == 300


async def test_what_a_call_used_counts_with_its_last_picture() -> None:
    till = Till(price, Ledger().settle)

    assert await sold(till, calls_of([3], usage=USAGE)) == [100, 100, 150]


async def test_pictures_that_were_sold_are_not_kept() -> None:
    till = Till(price, Ledger().settle)

    await till.sell(finished_call(), 1, is_last=False)

    (sold_call,) = till.sold
    assert sold_call.generation.images == ()
    assert [image.image.base64 for image in sold_call.images] == [b""]


async def test_a_client_that_leaves_before_anything_was_sent_is_not_charged() -> None:
    ledger = Ledger()

    await Till(price, ledger.settle).close_early()

    assert ledger.charges == []


async def test_a_refusal_alone_is_nothing_to_charge_early_for() -> None:
    ledger = Ledger()
    till = Till(price, ledger.settle)
    refused = FinishedCall(0, 1, route(), delivered([]).generation, (), refused=1)

    assert (await till.sell(refused, 0, is_last=False)).credits == 0
    await till.close_early()

    assert ledger.charges == []


async def test_a_charge_is_made_once() -> None:
    ledger = Ledger()
    till = Till(price, ledger.settle)

    await sold(till, calls_of([1]))
    await till.close_early()

    assert len(ledger.charges) == 1


async def test_a_picture_that_could_not_be_charged_for_does_not_count_as_sent() -> None:
    till = Till(price, Ledger(fails=True).settle)

    with pytest.raises(UnavailableError):
        await sold(till, calls_of([1]))

    assert till.sold == []


async def test_pictures_sent_before_are_charged_where_the_last_one_could_not_be() -> None:
    ledger = Ledger(fails=True)
    till = Till(price, ledger.settle)
    with pytest.raises(UnavailableError):
        await sold(till, calls_of([3]))

    ledger.fails = False
    await till.close_early()

    ((call,),) = ledger.charges
    assert len(call.images) == 2


async def test_a_ledger_that_is_away_at_an_early_end_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    till = Till(price, Ledger(fails=True).settle)

    await sold(till, calls_of([2]), most=1)
    await till.close_early()

    assert [record.message for record in caplog.records] == [
        "pictures were sent that nobody paid for"
    ]

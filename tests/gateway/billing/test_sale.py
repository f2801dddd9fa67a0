"""The announced costs of a request's images add up to its one charge, in any order."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_catalog.sizes import Size
from tintype_gateway.billing.sale import Cost, Sale
from tintype_gateway.billing.settlement_journal import Due, Journal
from tintype_gateway.billing.settlements import Settlements
from tintype_gateway.errors import UnavailableError
from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.interface import Hold, Settlement
from tintype_gateway.runtime.deadline import Deadline
from tintype_gateway.values.events import FailedCall, FinishedCall
from tintype_gateway.values.faults import UpstreamFault
from tintype_testing.builders import RECEIPT, USAGE, delivered, route, settlement


def price(calls: Sequence[FinishedCall]) -> int:
    """Ask 100 for an image, or what a call with usage used."""
    return sum(100 * len(call.images) if call.result.usage is None else 350 for call in calls)


class Ledger:
    """A ledger that charges at most what was held, and notes what for."""

    def __init__(self) -> None:
        self.is_away = False
        self.charged: list[tuple[int, int]] = []

    async def settle(self, hold: Hold, cost: int, *, images: int = 0) -> Settlement:
        if self.is_away:
            raise LedgerUnavailableError("it is away")
        charged = min(cost, hold.amount)
        self.charged.append((charged, images))
        return settlement(charged=charged)


class OpenHold:
    """A hold that needs no renewal."""

    def __init__(self) -> None:
        self.hold = RECEIPT
        self.is_open = True
        self.is_kept = False

    def keep(self) -> Callable[[], None]:
        self.is_kept = True
        return self.end

    def end(self) -> None:
        self.is_open = False


class Shop:
    """A sale, and everything that it needs."""

    def __init__(self, folder: Path | None = None, cost: Cost = price) -> None:
        self.ledger, self.holding = Ledger(), OpenHold()
        self.journal = Journal(folder) if folder else None
        self.settlements = Settlements(self.ledger, self.journal)  # type: ignore[arg-type]
        self.noted: list[int] = []
        self.sale = Sale(
            self.holding,  # type: ignore[arg-type]
            cost,
            lambda calls, _: self.noted.append(cost(calls)),
            self.settlements,
            Deadline(0),
        )

    def due(self) -> list[Due]:
        assert self.journal is not None
        return list(self.journal._open.values())


def calls_of(sizes: Sequence[int], **fields: object) -> list[FinishedCall]:
    made, first = [], 0
    for size in sizes:
        call = delivered([Size(64, 48)] * size, **fields)
        made.append(replace(call, first=first, asked=size))
        first += size
    return made


def begun(first: int = 0) -> FinishedCall:
    """Return what is known of a call whose first preview is about to be sent."""
    (call,) = calls_of([1])
    return replace(call, first=first)


async def sold(sale: Sale, calls: Sequence[FinishedCall], most: int = 100) -> list[int]:
    """Sell up to this number of images one by one, and return what each was announced to cost."""
    order = [(call, number + 1) for call in calls for number in range(len(call.images))]
    charges = [
        await sale.sell(call, images, is_last=place == len(order) - 1)
        for place, (call, images) in enumerate(order[:most])
    ]
    return [charge.credits for charge in charges]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.booleans())
async def test_the_announced_costs_add_up_to_the_one_charge(
    sizes: list[int], has_usage: bool
) -> None:
    shop, calls = Shop(), calls_of(sizes, usage=USAGE if has_usage else None)

    announced = await sold(shop.sale, calls)

    assert shop.ledger.charged == [(min(price(calls), RECEIPT.amount), sum(sizes))]
    assert sum(announced) == shop.ledger.charged[0][0]
    assert not shop.holding.is_open


async def test_the_usage_of_a_call_counts_with_its_last_image() -> None:
    assert await sold(Shop().sale, calls_of([3], usage=USAGE)) == [100, 100, 150]


async def test_images_that_were_sold_are_not_kept_in_memory() -> None:
    shop = Shop()

    await shop.sale.sell(calls_of([2])[0], 1, is_last=False)

    (call,) = shop.sale.sold
    assert call.result.images == ()
    assert [image.image.base64 for image in call.images] == [b""]


async def ended(shop: Shop, error: type[BaseException]) -> None:
    """End the request by an error, and make the charges that are due."""
    with pytest.raises(error), shop.sale:
        raise error("the end")
    await shop.settlements.finish(10)


@pytest.mark.parametrize("error", [GeneratorExit, ZeroDivisionError, UnavailableError])
async def test_images_that_were_sent_are_charged_however_the_request_ends(
    error: type[BaseException],
) -> None:
    shop = Shop()
    await sold(shop.sale, calls_of([2, 3]), most=3)

    await ended(shop, error)

    assert shop.ledger.charged == [(300, 3)]
    assert shop.noted == [300]
    assert not shop.holding.is_open


@pytest.mark.parametrize(
    ("error", "charged"), [(GeneratorExit, [(100, 1)]), (ZeroDivisionError, [])]
)
async def test_a_started_image_is_charged_unless_a_defect_ends_it(
    error: type[BaseException], charged: list[tuple[int, int]]
) -> None:
    shop = Shop()
    shop.sale.begin(begun())

    await ended(shop, error)

    assert shop.ledger.charged == charged


PER_SECOND = {"type": "per_second", "usd": "1", "maxUsd": "9"}


def failure(first: int = 0, sold_milliseconds: int | None = None, **spec: Any) -> FailedCall:
    fault = UpstreamFault("outcome_unknown", "cut off", sold_milliseconds=sold_milliseconds)
    return FailedCall(first, 1, route(**spec), fault)


async def test_an_interrupted_image_is_charged_by_the_time_of_its_call_at_a_price_by_the_second(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path, lambda calls: sum(call.result.milliseconds for call in calls))
    shop.sale.begin(begun(0))

    shop.sale.fail(failure(0, 1234, pricing=PER_SECOND))
    assert [(due.cost, due.images) for due in shop.due()] == [(1234, 1)]

    await ended(shop, UnavailableError)
    assert shop.ledger.charged == [(1234, 1)]


@pytest.mark.parametrize(
    "failed",
    [
        failure(0, 1234),
        failure(0, None, pricing=PER_SECOND),
        failure(1, 1234, pricing=PER_SECOND),
    ],
    ids=["a price by image", "a failure that interrupts no image", "a call that has not begun"],
)
async def test_no_other_failure_is_charged(failed: FailedCall) -> None:
    shop = Shop()
    shop.sale.begin(begun(failed.first * 2))
    shop.sale.fail(failed)
    shop.sale.fail(failure(2))

    await ended(shop, UnavailableError)

    assert shop.ledger.charged == []


async def test_an_image_whose_call_failed_after_it_had_begun_is_free(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.sale.begin(begun(0))
    shop.sale.begin(begun(1))

    shop.sale.fail(failure(0))
    assert [due.cost for due in shop.due()] == [100]
    shop.sale.fail(failure(1))
    assert shop.due() == []

    await ended(shop, UnavailableError)
    assert shop.ledger.charged == []


async def test_nothing_is_charged_before_something_was_sent() -> None:
    shop = Shop()

    await ended(shop, GeneratorExit)

    assert shop.ledger.charged == []
    assert not shop.holding.is_kept


async def test_a_sale_is_in_the_journal_until_it_is_settled(tmp_path: Path) -> None:
    shop, calls = Shop(tmp_path), calls_of([2])
    shop.sale.begin(begun())
    assert [(due.cost, due.images) for due in shop.due()] == [(100, 1)]

    await shop.sale.sell(calls[0], 1, is_last=False)
    assert [(due.cost, due.images) for due in shop.due()] == [(100, 1)]

    await shop.sale.sell(calls[0], 2, is_last=True)
    assert shop.due() == []


async def test_a_last_image_that_could_not_be_charged_does_not_count_as_sent() -> None:
    shop, calls = Shop(), calls_of([3])
    await sold(shop.sale, calls, most=2)
    shop.ledger.is_away = True
    with pytest.raises(UnavailableError), shop.sale:
        await shop.sale.sell(calls[0], 3, is_last=True)

    shop.ledger.is_away = False
    await shop.settlements.finish(10)

    assert shop.ledger.charged == [(200, 2)]


async def test_one_that_was_previewed_does() -> None:
    shop, calls = Shop(), calls_of([1], usage=USAGE)
    shop.sale.begin(begun())
    shop.ledger.is_away = True
    with pytest.raises(UnavailableError), shop.sale:
        await shop.sale.sell(calls[0], 1, is_last=True)

    shop.ledger.is_away = False
    await shop.settlements.finish(10)

    assert shop.ledger.charged == [(350, 1)]

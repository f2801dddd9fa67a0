"""What is due and not booked survives the process that owed it, and is charged once."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tintype_gateway.billing.settlement_journal import Due, Journal
from tintype_gateway.ledger.interface import Hold


def due(number: int = 1, cost: int = 100, images: int = 1) -> Due:
    return Due(Hold(f"hold-{number}", "studio", 1000), cost, images)


def died(journal: Journal) -> None:
    """Close the file as the end of a process does, without a word."""
    os.close(journal._file)


def test_due_charges_are_found_by_the_next_process(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    first.note(due(1, cost=100))
    first.note(due(1, cost=250, images=2))
    first.note(due(2))
    first.forget("hold-2")
    died(first)

    second = Journal(tmp_path)

    assert list(second.left_behind()) == [due(1, cost=250, images=2)]
    died(second)
    assert list(Journal(tmp_path).left_behind()) == [due(1, cost=250, images=2)]


def test_the_journal_of_a_living_process_is_not_read(tmp_path: Path) -> None:
    first, second = Journal(tmp_path), Journal(tmp_path)
    first.note(due())

    assert list(second.left_behind()) == []

    died(first)
    assert list(second.left_behind()) == [due()]


def test_a_line_that_was_cut_costs_no_other_line(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    first.note(due(1))
    os.write(first._file, b'{"id": "hold-2", "acc')
    died(first)

    assert list(Journal(tmp_path).left_behind()) == [due(1)]


@pytest.mark.parametrize("end", [Journal.close, died])
def test_a_journal_in_which_nothing_is_due_leaves_nothing(
    tmp_path: Path, end: Callable[[Journal], None]
) -> None:
    first = Journal(tmp_path)
    first.note(due())
    first.forget("hold-1")
    end(first)

    second = Journal(tmp_path)
    assert list(second.left_behind()) == []
    second.close()
    assert list(tmp_path.iterdir()) == []


def test_a_journal_does_not_grow_with_completed_charges(
    tmp_path: Path,
) -> None:
    first = Journal(tmp_path, largest_bytes=10_000)
    first.note(due(0))
    for number in range(1, 1000):
        first.note(due(number))
        first.forget(f"hold-{number}")

    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 11_000
    died(first)
    assert list(Journal(tmp_path).left_behind()) == [due(0)]


def test_a_journal_that_cannot_begin_anew_goes_on_in_the_old_one(
    tmp_path: Path,
) -> None:
    first = Journal(tmp_path / "first", largest_bytes=10_000)
    (journal,) = (tmp_path / "first").iterdir()
    with journal.open("rb") as old:
        (tmp_path / "first").rename(tmp_path / "away")  # no file can be made where it was
        for number in range(1000):
            first.note(due(number))

        assert len(old.readlines()) == 1000
    died(first)
    assert len(list(Journal(tmp_path / "away").left_behind())) == 1000

"""Most keys do not end because a list lacks their objects."""

from hypothesis import given
from hypothesis import strategies as st

from tintype_operator.accounts.loss_guard import SMALL, acceptance, is_loss


def ids(count: int) -> list[str]:
    return [f"key-{number}" for number in range(count)]


def test_a_few_may_all_vanish() -> None:
    assert not is_loss(SMALL, SMALL)


def test_half_of_many_may_vanish() -> None:
    assert not is_loss(20, 40)


def test_more_than_half_of_many_may_not_vanish() -> None:
    assert is_loss(21, 40)


@given(
    st.lists(st.text(max_size=20), unique=True, max_size=20).flatmap(
        lambda found: st.tuples(st.just(found), st.permutations(found))
    )
)
def test_the_word_that_accepts_a_loss_does_not_depend_on_the_order(
    both: tuple[list[str], list[str]],
) -> None:
    assert acceptance(both[0]) == acceptance(both[1])


def test_another_loss_needs_another_word() -> None:
    assert acceptance(ids(21)) != acceptance(ids(22))

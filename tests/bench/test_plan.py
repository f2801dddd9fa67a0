"""Which cases a run of the benchmark has."""

from bench.plan import chosen, full, quick


def test_the_full_plan_has_each_dialect_plain_and_streaming_at_each_size_and_concurrency() -> None:
    others = {case for case in full().cases if case.is_edit or case.count > 1}
    usual = {case for case in full().cases if case.manifest == "first"} - others

    assert len(usual) == 5 * 2 * 3 * 3


def test_the_full_plan_has_each_place_of_a_manifest_at_each_size() -> None:
    others = [case for case in full().cases if case.manifest != "first"]

    assert len(set(others)) == 3 * 3 * 2
    assert "openai-images, 6 MiB, manifest absent" in {case.title for case in others}


def test_the_full_plan_has_edits_and_several_images_at_each_size() -> None:
    others = [case for case in full().cases if case.is_edit or case.count > 1]

    assert len(set(others)) == 2 * 3 * 2
    titles = {case.title for case in others}
    assert {"openai-images, 4 x 1.5 MiB", "openai-images, edit, 64 KiB"} < titles


def test_the_quick_plan_is_a_part_of_the_full_one() -> None:
    assert set(quick().cases) < set(full().cases)


def test_cases_are_chosen_by_a_part_of_their_title() -> None:
    plan = chosen(full(), "openai-images, 1.5 MiB, 1 clients", rounds=None)

    assert [case.title for case in plan.cases] == ["openai-images, 1.5 MiB"]


def test_a_selection_keeps_the_rounds_of_its_plan_by_default() -> None:
    assert chosen(quick(), "", rounds=None) == quick()
    assert chosen(quick(), "", rounds=5).rounds == 5

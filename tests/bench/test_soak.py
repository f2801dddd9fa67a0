"""What a soak asks for, what it notes, and how that is drawn."""

import dataclasses
import itertools
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.catalog import write_catalog
from bench.soak_image import image
from bench.soak_mix import MIX, asks, pauses, simulated_catalog
from bench.soak_samples import Sample, at, read, slope_mib_an_hour, write
from tintype_catalog.compiler import compile_manifests
from tintype_gateway.catalog.folder import ManifestFolder

FIRST = Sample(0.0, 100.0, 20, 8, 1.0, 500, 0.1, 50, 5.0, 20.0)


def samples(*mebibytes: float, minutes: float = 30) -> list[Sample]:
    """Return samples with these sizes, at equal distances over a number of minutes."""
    step = 60 * minutes / (len(mebibytes) - 1)
    return [
        dataclasses.replace(FIRST, seconds=number * step, resident_mib=size)
        for number, size in enumerate(mebibytes)
    ]


def test_a_seed_determines_the_requests_and_their_times() -> None:
    def beginning(seed: int) -> list[object]:
        return [*itertools.islice(zip(asks(seed), pauses(seed, 20), strict=False), 500)]

    assert beginning(7) == beginning(7) != beginning(8)


def test_requests_come_at_their_rate() -> None:
    assert sum(itertools.islice(pauses(7, 20), 4000)) == pytest.approx(200, rel=0.1)


def test_every_part_of_the_mix_has_its_share() -> None:
    counts = Counter(ask.kind for ask in itertools.islice(asks(7), 10_000))

    assert sum(part.share for part in MIX) == 100
    assert {part.name: pytest.approx(part.share, abs=2) for part in MIX} == {
        name: count / 100 for name, count in counts.items()
    }


def test_the_catalogs_are_sound_and_differ_from_turn_to_turn(tmp_path: Path) -> None:
    write_catalog(tmp_path, "http://127.0.0.1:1")
    revisions = set()
    for turn in range(2):
        text = simulated_catalog("http://127.0.0.1:2", "http://127.0.0.1:3", turn)
        (tmp_path / "simulated.yaml").write_text(text)
        catalog, problems = compile_manifests(ManifestFolder(tmp_path).read())
        assert not problems
        revisions.add(catalog.model_dump_json())
        asked = {ask.body["model"] for ask in itertools.islice(asks(7), 2000)}
        assert asked - {model.id for model in catalog.models} == {"nobody"}

    assert len(revisions) == 2


def test_samples_are_the_same_after_a_file(tmp_path: Path) -> None:
    write(noted := samples(100.0, 101.25, 99.5), tmp_path / "samples.csv")

    assert read(tmp_path / "samples.csv") == noted


def test_a_file_of_anything_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("seconds,cats\n1,2\n")

    with pytest.raises(ValueError, match="validation error"):
        read(tmp_path / "other.csv")


def test_the_slope_is_that_of_the_last_two_thirds() -> None:
    warmed_up = samples(50.0, 90.0, 100.0, 101.0, 102.0, 103.0, 104.0)

    assert slope_mib_an_hour(warmed_up) == pytest.approx(12.0)  # 1 MiB in 5 minutes


def test_temporary_memory_of_requests_is_no_growth() -> None:
    noted = samples(*(100.0 + 40 * (number % 4) for number in range(60)), minutes=12)

    assert slope_mib_an_hour(noted) == 0


def test_a_flat_curve_has_no_slope_and_neither_has_a_point() -> None:
    assert slope_mib_an_hour(samples(100.0, 100.0, 100.0)) == 0
    assert slope_mib_an_hour([FIRST]) == 0


def test_a_moment_has_the_sample_next_to_it() -> None:
    assert at(samples(1.0, 2.0, 3.0, minutes=10), 320).resident_mib == 2.0


def test_the_image_has_both_curves_and_says_the_slope() -> None:
    drawn = image(samples(100.0, 100.5, 101.0))

    svg = ElementTree.fromstring(drawn)  # noqa: S314 - ours
    assert len(svg.findall("{http://www.w3.org/2000/svg}polyline")) == 2
    assert "+2.00 MiB an hour" in drawn

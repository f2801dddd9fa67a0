"""From an empty cluster to the first image, by the commands of the documentation and the notes."""

import re
import textwrap
from pathlib import Path

from PIL import Image

from tests.node.figures import Figures
from tests.node.release import ROOT, TIMEOUT, Release, documented_install, resident_mib
from tintype_testing.cluster.processes import free_ports


def test_all_pods_become_ready_in_a_restricted_namespace(
    quick_start: Release, figures: Figures
) -> None:
    for component in ("gateway", "operator", "simulator"):
        (pod,) = quick_start.pods(component)
        (status,) = pod["status"]["containerStatuses"]
        figures.record(f"memory of the {component}, starter catalog", resident_mib(pod), "MiB")

        assert status["ready"]
        assert status["restartCount"] == 0


def test_the_readme_shows_the_same_command() -> None:
    assert documented_install() in (ROOT / "README.md").read_text()


def test_the_commands_in_the_notes_return_an_image(
    quick_start: Release, figures: Figures, tmp_path: Path
) -> None:
    script = commands(quick_start.notes)
    (port,) = free_ports(1)  # 8080 may be taken on this machine
    script = script.replace(" 8080:", f" {port}:").replace(":8080/v1", f":{port}/v1")

    with figures.timed("the notes' commands, to the first image"):
        ended = quick_start.shell(f"trap 'kill $(jobs -p)' EXIT\n{script}", tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert re.search(r"gpt-image-1\s", ended.stdout)
    with Image.open(tmp_path / "hedgehog.png") as image:
        assert image.size == (1024, 1024)


def commands(notes: str) -> str:
    """The indented lines of the notes, which are commands for a shell."""
    indented = [line for line in notes.splitlines() if line.startswith("   ")]
    return textwrap.dedent("\n".join(indented))


def test_the_release_passes_its_own_test(quick_start: Release) -> None:
    said = quick_start.run("test", "tintype", TIMEOUT)

    assert re.search(r"TEST SUITE: +tintype-test\n(.+\n)*Phase: +Succeeded", said)


def test_every_model_becomes_ready(quick_start: Release) -> None:
    ready = ("--for=condition=Ready", TIMEOUT)

    waited = quick_start.kubectl("wait", *ready, "im", "--all").splitlines()

    assert len(waited) == len(quick_start.get("im")["items"]) > 20

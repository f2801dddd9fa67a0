"""The workflows are correct, pinned, and have no more rights than they need."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tintype_testing.actionlint import ActionlintMissingError, find_actionlint
from tintype_testing.requirements import missing, require

ROOT = Path(__file__).parents[2]
PATHS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TEXTS = [path.read_text() for path in PATHS]
RELEASE: dict[Any, Any] = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
TRIGGERS: dict[str, Any] = RELEASE[True]  # which YAML makes of `on`
JOBS: dict[str, dict[str, Any]] = RELEASE["jobs"]
SHELLCHECK = "it checks the scripts: apt-get install shellcheck"


@pytest.fixture(scope="module")
def actionlint() -> tuple[str | Path, ...]:
    shellcheck = require("shellcheck", SHELLCHECK)
    try:
        return (find_actionlint(), f"-shellcheck={shellcheck}", "-pyflakes=", "-no-color")
    except ActionlintMissingError as error:
        missing(str(error))


def complaints(actionlint: tuple[str | Path, ...], *paths: Path) -> str:
    return subprocess.run([*actionlint, *paths], cwd=ROOT, capture_output=True, text=True).stdout


def test_actionlint_and_shellcheck_find_nothing(actionlint: tuple[str | Path, ...]) -> None:
    assert len(PATHS) >= 2
    assert complaints(actionlint, *PATHS) == ""


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("needs: [packages, images]", "needs: [packages, absent]", "does not exist"),
        ("steps.push.outputs.digest", "steps.pushed.outputs.digest", '"pushed" is not defined'),
        ('"$IMAGE@$DIGEST"', "$IMAGE@$DIGEST", "SC2086"),
        ("packages: write", "package: write", "unknown permission scope"),
    ],
)
def test_a_defect_would_be_found(
    actionlint: tuple[str | Path, ...], tmp_path: Path, old: str, new: str, found: str
) -> None:
    text = (ROOT / ".github/workflows/release.yml").read_text()
    assert old in text
    path = tmp_path / "release.yml"
    path.write_text(text.replace(old, new))

    assert found in complaints(actionlint, path)


def test_the_scripts_of_the_repository_pass_shellcheck() -> None:
    shellcheck = require("shellcheck", SHELLCHECK)

    ended = subprocess.run([shellcheck, ".ci/run"], cwd=ROOT, capture_output=True, text=True)

    assert ended.stdout == ""
    assert ended.returncode == 0


def test_every_action_is_pinned_by_its_commit_and_the_same_everywhere() -> None:
    used = [
        line.split("uses:")[1].strip()
        for text in TEXTS
        for line in text.splitlines()
        if "uses:" in line
    ]
    foreign = [each for each in used if not each.startswith("./")]

    assert foreign
    for each in foreign:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each), each
    assert len(set(foreign)) == len({each.partition("@")[0] for each in foreign})


@pytest.mark.parametrize("text", TEXTS, ids=[path.name for path in PATHS])
def test_a_workflow_has_no_right_that_a_job_does_not_ask_for(text: str) -> None:
    workflow = yaml.safe_load(text)

    assert workflow["permissions"] == {}
    assert all("permissions" in job for job in workflow["jobs"].values())


def test_a_job_that_may_write_runs_for_a_tag_only() -> None:
    writing = {name for name, job in JOBS.items() if "write" in job["permissions"].values()}

    assert writing == {"images", "chart", "pypi", "release"}
    assert {JOBS[name]["if"] for name in writing} == {"github.event_name == 'push'"}
    assert TRIGGERS["push"] == {"tags": ["v*"]}


def test_rights_are_those_of_the_job() -> None:
    keyless = {"id-token": "write", "attestations": "write"}

    assert JOBS["images"]["permissions"] == {"contents": "read", "packages": "write", **keyless}
    assert JOBS["chart"]["permissions"] == {"packages": "write", **keyless}
    assert JOBS["pypi"]["permissions"] == {"id-token": "write"}
    assert JOBS["release"]["permissions"] == {"contents": "write", **keyless}


def test_nothing_is_published_before_the_tests_have_passed() -> None:
    def needed(name: str) -> set[str]:
        needs = JOBS[name].get("needs", [])
        direct = {needs} if isinstance(needs, str) else set(needs)
        return direct.union(*map(needed, direct))

    assert all("tests" in needed(name) for name in ("images", "chart", "pypi", "release"))
    assert JOBS["tests"]["uses"] == "./.github/workflows/ci.yml"


def test_no_script_is_made_of_what_others_write() -> None:
    """An expression in a script is a part of its source; a variable is not."""
    scripts = [
        step["run"] for job in JOBS.values() for step in job.get("steps", ()) if "run" in step
    ]

    assert scripts
    assert [script for script in scripts if "${{" in script] == []


@pytest.mark.parametrize("text", TEXTS, ids=[path.name for path in PATHS])
def test_a_failure_within_a_pipe_ends_a_script(text: str) -> None:
    assert yaml.safe_load(text)["defaults"] == {"run": {"shell": "bash"}}


def test_the_page_that_verifies_names_what_is_published() -> None:
    page = (ROOT / "docs" / "verify.md").read_text()
    published = {
        JOBS["images"]["env"]["IMAGE"].replace("${{ matrix.target }}", "$name"),
        JOBS["chart"]["env"]["CHARTS"] + "/tintype",
    }

    for name in published:
        address = name.replace("${{ needs.packages.outputs.registry }}", "ghcr.io/$OWNER")
        assert f"cosign verify {address}:$VERSION" in page
    assert "/.github/workflows/release.yml@refs/tags/v$VERSION\n" in page
    (sign,) = [step["run"] for step in JOBS["release"]["steps"] if "sign-blob" in str(step)]
    for name in ("SHA256SUMS", "--bundle SHA256SUMS.sigstore.json"):
        assert name in sign
        assert name in page


def test_no_secret_is_needed() -> None:
    assert [text for text in TEXTS if "secrets." in text] == []


@pytest.mark.parametrize("job", ["images", "rehearsal"])
def test_images_are_built_for_both_architectures_on_a_base_named_by_its_digest(job: str) -> None:
    (build,) = [
        step["with"]
        for step in JOBS[job]["steps"]
        if step.get("uses", "").startswith("docker/build-push-action@")
    ]

    assert build["platforms"] == "linux/amd64,linux/arm64"
    assert build["build-args"] == "PYTHON_IMAGE=${{ needs.packages.outputs.base }}"
    assert build["push"] is (job == "images")
    dockerfile = (ROOT / "Dockerfile").read_text()
    targets = JOBS[job]["strategy"]["matrix"]["target"]
    assert targets == ["gateway", "operator"]
    assert all(f" AS {target}\n" in dockerfile for target in targets)
    base = re.search(r"^ARG PYTHON_IMAGE=(\S+)$", dockerfile, re.M)
    assert base is not None
    names = next(step for step in JOBS["packages"]["steps"] if step.get("id") == "names")
    assert f"base={base[1]}\n" in names["run"]

"""A lock file holds all that it needs, wherever it is installed: pip resolves nothing."""

import re
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tintype_testing.locks import (
    FOLDER,
    NAMES,
    ROOT,
    Pin,
    environment,
    gaps,
    metadata,
    needed_by,
    pins,
    roots,
)

PYTHONS = ("3.11", "3.12", "3.13")
SYSTEMS = ("linux", "darwin", "win32")
ENVIRONMENTS = [environment(python, system) for python in PYTHONS for system in SYSTEMS]
LINUX = environment("3.11", "linux")

INSTALLERS = [
    ROOT / "Makefile",
    ROOT / "Dockerfile",
    ROOT / ".ci" / "run",
    *ROOT.glob("docs/*.md"),
    *ROOT.glob("*.md"),
    *ROOT.glob("tests/**/Dockerfile"),
]


@pytest.fixture(params=NAMES)
def lock(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_every_lock_file_is_looked_at() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(NAMES)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_lock_is_closed(lock: str, python: str, system: str) -> None:
    assert gaps(pins(lock), roots(lock), environment(python, system)) == []


def test_no_pin_can_be_left_out(lock: str) -> None:
    """Which also says that none is there without a reason."""
    locked, wanted = pins(lock), roots(lock)
    used = [pin for pin in locked if any(map(pin.applies, ENVIRONMENTS))]

    for pin in used:
        rest = [other for other in locked if other is not pin]
        assert any(gaps(rest, wanted, each) for each in ENVIRONMENTS), pin.identity


def edited(lock: str, old: str, new: str) -> list[Pin]:
    """A lock of which one line is another."""
    changed = [replace(pin, text=pin.text.replace(old, new, 1)) for pin in pins(lock)]
    assert changed != pins(lock)
    return changed


def version(lock: str, name: str) -> str:
    (pin,) = [pin for pin in pins(lock) if pin.name == name]
    return pin.version


def test_an_extra_that_was_not_kept_is_a_gap() -> None:
    changed = edited("dev", "google-auth[requests]==", "google-auth==")

    (gap,) = gaps(changed, roots("dev"), LINUX)

    assert "requires google-auth[requests]" in gap
    assert gap.endswith("the pin lacks ['requests']")


def test_what_an_extra_requires_is_required() -> None:
    """`pyjwt[crypto]` alone wants cryptography in a gateway."""
    rest = [pin for pin in pins("gateway") if pin.name != "cryptography"]

    found = gaps(rest, roots("gateway"), LINUX)

    assert any(gap.startswith("pyjwt==") for gap in found)
    assert all("cryptography" in gap for gap in found)


def test_a_version_that_a_distribution_does_not_take_is_a_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pinned = version("gateway", "pydantic-core")
    changed = edited("gateway", f"pydantic-core=={pinned}", "pydantic-core==1.0")
    monkeypatch.setitem(metadata(), "pydantic-core==1.0", metadata()[f"pydantic-core=={pinned}"])

    found = gaps(changed, roots("gateway"), LINUX)

    assert [gap for gap in found if "pydantic-core==1.0 is pinned" in gap]


def test_a_marker_that_is_too_narrow_is_a_gap() -> None:
    line = f"requests=={version('dev', 'requests')}"
    changed = edited("dev", line, f"{line} ; python_version < '3.13'")

    assert gaps(changed, roots("dev"), environment("3.12", "linux")) == []
    found = gaps(changed, roots("dev"), environment("3.13", "linux"))
    assert found
    assert all(re.search(r" requires requests\b.*, which is not pinned$", gap) for gap in found)


def test_the_part_that_some_need_is_closed_too() -> None:
    part = needed_by(["openai", "pillow"], pins("dev"), LINUX)

    assert {"openai", "pillow", "pydantic-core"} <= {pin.name for pin in part}
    assert "pytest" not in {pin.name for pin in part}
    assert gaps(part, [Requirement("openai"), Requirement("pillow")], LINUX) == []


def test_the_metadata_are_those_of_the_locked_distributions() -> None:
    """`make lock` writes them."""
    assert set(metadata()) == {pin.identity for name in NAMES for pin in pins(name)}


def test_the_metadata_are_those_of_the_installed_distributions() -> None:
    compared = 0
    for pin in pins("dev"):
        try:
            installed = distribution(pin.name)
        except PackageNotFoundError:
            assert not pin.applies(LINUX), pin.identity
            continue
        required = sorted(map(normal, metadata()[pin.identity].requires))
        assert required == sorted(map(normal, installed.requires or [])), pin.identity
        compared += 1

    assert compared > len(pins("dev")) / 2


def normal(requirement: str) -> str:
    parsed = Requirement(requirement)
    parsed.name = canonicalize_name(parsed.name)
    return str(parsed)


@pytest.mark.parametrize("path", INSTALLERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_installs_a_lock_resolves_nothing(path: Path) -> None:
    commands = [line.strip() for line in logical_lines(path.read_text()) if installs(line)]

    for command in commands:
        assert "--no-deps" in command, command
        if "requirements/" in command:
            assert "--require-hashes" in command, command


def test_the_makefile_and_the_dockerfile_check_what_they_installed() -> None:
    makefile, dockerfile = ((ROOT / name).read_text() for name in ("Makefile", "Dockerfile"))

    assert "$(BIN)/pip check" in makefile
    assert dockerfile.count("/opt/tintype/bin/python check") == 2


@pytest.mark.parametrize("manifest", ["go.mod", "package.json"])
def test_the_programs_of_the_tests_are_locked_too(manifest: str) -> None:
    found = [path for path in ROOT.glob(f"tests/**/{manifest}") if "node_modules" not in path.parts]

    assert found
    for path in found:
        if manifest == "package.json":
            assert '"integrity": "sha512-' in path.with_name("package-lock.json").read_text()
        elif "require" in path.read_text():
            assert " h1:" in path.with_name("go.sum").read_text()


def logical_lines(text: str) -> list[str]:
    return text.replace("\\\n", " ").splitlines()


def installs(line: str) -> bool:
    """Whether pip installs or downloads something."""
    return bool(re.search(r"pip['\"]?(?: --?\S+(?: \S+/python)?)* +(?:install|download)\b", line))

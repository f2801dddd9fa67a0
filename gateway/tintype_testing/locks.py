"""Lock files: what they pin, and what they lack of that which their distributions require.

`python -m tintype_testing.locks` asks the package index what the locked distributions require and
writes it to requirements/metadata.json, as the last step of `make lock`.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]

FOLDER = ROOT / "requirements"

METADATA = FOLDER / "metadata.json"

NAMES = ("build", "gateway", "operator", "dev", "docs")

Environment = Mapping[str, str]
"""The values of environment markers."""


@dataclass(frozen=True)
class Pin:
    """One distribution of a lock file, with its hashes."""

    text: str

    @cached_property
    def requirement(self) -> Requirement:
        """The pinned distribution with its extras and its marker."""
        return Requirement(self.text.partition(" \\\n")[0])

    @property
    def name(self) -> str:
        """The normalized name."""
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        """The one version that is installed."""
        (specifier,) = self.requirement.specifier
        return specifier.version

    @property
    def identity(self) -> str:
        """The name and the version as the lock file spells them, without extras."""
        return f"{self.name}=={self.version}"

    def applies(self, environment: Environment) -> bool:
        """Whether it is installed in this environment."""
        return applies(self.requirement, environment, ())


@dataclass(frozen=True)
class Metadata:
    """What a distribution says of itself."""

    python: str
    requires: tuple[str, ...]

    @cached_property
    def requirements(self) -> tuple[Requirement, ...]:
        """What it requires, for any extra and environment."""
        return tuple(map(Requirement, self.requires))


def environment(python: str, system: str) -> Environment:
    """The markers of CPython 3.x on `linux`, `darwin` or `win32`."""
    platform = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}[system]
    values = {name: str(text) for name, text in default_environment().items()}
    return values | {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "os_name": "nt" if system == "win32" else "posix",
        "platform_machine": {"darwin": "arm64", "win32": "AMD64"}.get(system, "x86_64"),
        "platform_python_implementation": "CPython",
        "platform_system": platform,
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": system,
    }


def pins(name: str) -> list[Pin]:
    """What a lock file pins; its name is without `.txt`."""
    blocks: list[str] = []
    for line in (FOLDER / f"{name}.txt").read_text().splitlines(keepends=True):
        if line[0] not in " #":
            blocks.append(line)
        elif line.startswith("    --hash="):
            blocks[-1] += line
    return [Pin(block) for block in blocks]


@cache
def metadata() -> dict[str, Metadata]:
    """What each locked distribution says of itself, by its identity."""
    known: dict[str, Any] = json.loads(METADATA.read_text())
    return {key: Metadata(each["python"], tuple(each["requires"])) for key, each in known.items()}


def roots(name: str) -> list[Requirement]:
    """What pyproject.toml wants of a lock file."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups, project = document["dependency-groups"], document["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    if name in ("build", "docs"):  # environments without Tintype
        return [*map(Requirement, _group(groups, name))]
    chosen = [name] if name in extras else list(extras)
    texts = [*project["dependencies"], *(text for extra in chosen for text in extras[extra])]
    if name == "dev":
        texts += _group(groups, "dev")
    return [*map(Requirement, texts)]


def _group(groups: Mapping[str, Sequence[Any]], name: str) -> Iterator[str]:
    for entry in groups[name]:
        if isinstance(entry, str):
            yield entry
        else:
            yield from _group(groups, entry["include-group"])


def applies(requirement: Requirement, environment: Environment, extras: Collection[str]) -> bool:
    """Whether a requirement counts in an environment for a distribution with these extras."""
    marker = requirement.marker
    return marker is None or any(
        marker.evaluate({**environment, "extra": extra}) for extra in (*extras, "")
    )


def gaps(
    locked: Iterable[Pin], wanted: Iterable[Requirement], environment: Environment
) -> list[str]:
    """What is required and not pinned in an environment, each as a sentence."""
    here = {pin.name: pin for pin in locked if pin.applies(environment)}
    needs = [("pyproject.toml", each) for each in wanted if applies(each, environment, ())]
    found = []
    for pin in here.values():
        known = metadata()[pin.identity]
        version = environment["python_full_version"]
        if not SpecifierSet(known.python).contains(version):
            found.append(f"{pin.identity} requires Python {known.python}")
        needs += [
            (pin.identity, each)
            for each in known.requirements
            if applies(each, environment, pin.requirement.extras)
        ]
    return found + [text for source, each in needs if (text := _gap(here, source, each))]


def _gap(here: Mapping[str, Pin], source: str, requirement: Requirement) -> str | None:
    pin = here.get(canonicalize_name(requirement.name))
    if pin is None:
        return f"{source} requires {requirement}, which is not pinned"
    if not requirement.specifier.contains(pin.version, prereleases=True):
        return f"{source} requires {requirement}, and {pin.identity} is pinned"
    if missing := requirement.extras - pin.requirement.extras:
        return f"{source} requires {requirement}, and the pin lacks {sorted(missing)}"
    return None


def needed_by(names: Iterable[str], locked: Iterable[Pin], environment: Environment) -> list[Pin]:
    """The pins of these distributions and of all that they require."""
    here = {pin.name: pin for pin in locked if pin.applies(environment)}
    needed: dict[str, Pin] = {}
    pending = [here[name] for name in names]
    while pending:
        pin = pending.pop()
        if pin.name not in needed:
            needed[pin.name] = pin
            pending += [
                here[canonicalize_name(each.name)]
                for each in metadata()[pin.identity].requirements
                if applies(each, environment, pin.requirement.extras)
            ]
    return list(needed.values())


def fetch_metadata() -> dict[str, dict[str, Any]]:
    """Ask the package index about every locked distribution, for any Python version."""
    identities = sorted({pin.identity for name in NAMES for pin in pins(name)})
    with tempfile.TemporaryDirectory() as folder:
        wanted, report = Path(folder) / "wanted.txt", Path(folder) / "report.json"
        wanted.write_text("\n".join(identities))
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"]
        exact = ("--no-deps", "--ignore-requires-python", "--only-binary=:all:", "--quiet")
        places = (f"--report={report}", f"--requirement={wanted}")
        subprocess.run([*command, *exact, *places], check=True)
        installs = json.loads(report.read_text())["install"]
    described = [each["metadata"] for each in installs]
    return {
        f"{canonicalize_name(each['name'])}=={each['version']}": {
            "python": each.get("requires_python", ""),
            "requires": each.get("requires_dist", []),
        }
        for each in sorted(described, key=lambda each: canonicalize_name(each["name"]))
    }


if __name__ == "__main__":
    METADATA.write_text(json.dumps(fetch_metadata(), indent=1) + "\n")

"""Builds the clients of other languages that the tests ask the gateway with, once for each state of
their sources and locks.

`python -m tests.gateway.clients.programs` builds them ahead of the tests.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tintype_testing.cluster.building import BuildError, cache, filled

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Program:
    """A client in a folder of this one. It is built in a copy of its sources."""

    name: str
    sources: tuple[str, ...]
    tools: tuple[str, ...]
    """The programs that building and running it take."""

    hint: str
    """How to get them."""

    steps: tuple[tuple[str, ...], ...]
    """The commands that build it."""

    command: tuple[str, ...]
    """What runs it, in the folder where it was built."""

    wastes: tuple[str, ...] = ()
    """What of the folder is not needed any more, once it is built."""

    environ: Mapping[str, str] | None = None

    @property
    def folder(self) -> Path:
        """Where it is built, or will be."""
        digest = hashlib.sha256(repr((self.steps, self.environ)).encode())
        for name in self.sources:
            digest.update((HERE / self.name / name).read_bytes())
        return cache() / f"client-{self.name}" / digest.hexdigest()[:16]

    def build(self) -> Path:
        """Return the folder of the client, built if need be (minutes, once).

        Raises:
            BuildError: It is not built, and cannot be.
        """
        return filled(self.folder, self._build)

    def _build(self, folder: Path) -> None:
        for name in self.sources:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(HERE / self.name / name, folder / name)
        for step in self.steps:
            self._run(step, folder)
        for name in self.wastes:
            shutil.rmtree(folder / name)

    def _run(self, step: tuple[str, ...], folder: Path) -> None:
        try:
            ended = subprocess.run(
                step,
                cwd=folder,
                env=os.environ | (self.environ or {}),
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError as error:
            raise BuildError(f"{step[0]} is not installed: {self.hint}") from error
        if ended.returncode != 0:
            output = (ended.stdout + ended.stderr)[-3000:]
            raise BuildError(f"{' '.join(step)} failed for the client {self.name}:\n{output}")


JAVA = Program(
    "java",
    sources=("pom.xml", "Client.java"),
    tools=("java", "javac", "mvn"),
    hint="install a JDK of version 17 or newer with Maven "
    "(`apt-get install openjdk-17-jdk-headless maven`)",
    steps=(
        (
            "mvn",
            "-B",
            "-q",
            "--strict-checksums",
            "dependency:copy-dependencies",
            "-DoutputDirectory=lib",
        ),
        ("javac", "-d", "classes", "-cp", "lib/*", "Client.java"),
    ),
    command=("java", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", "classes:lib/*", "Client"),
)

JAVASCRIPT = Program(
    "javascript",
    sources=("package.json", "package-lock.json", "client.mjs"),
    tools=("node", "npm"),
    hint="install Node.js 18 or newer with npm (https://nodejs.org, or "
    "`apt-get install nodejs npm`)",
    steps=(("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"),),
    command=("node", "client.mjs"),
)

RUST = Program(
    "rust",
    sources=("Cargo.toml", "Cargo.lock", "src/main.rs"),
    tools=("cargo",),
    hint="install Rust 1.88 or newer (https://rustup.rs, or `apt-get install cargo-web` on "
    "Debian 12)",
    steps=(
        ("cargo", "build", "--locked", "--quiet"),
        ("cp", "target/debug/tintype-rust-client", "client"),
    ),
    command=("./client",),
    wastes=("target",),
    environ={"CARGO_TARGET_DIR": "target", "CARGO_INCREMENTAL": "0"},
)

PROGRAMS = (JAVA, JAVASCRIPT, RUST)


if __name__ == "__main__":
    try:
        for program in PROGRAMS:
            print(program.build())
    except BuildError as error:
        sys.exit(str(error))

"""Builds the images of the tests from local files, without a registry.

`python -m tests.node.images` builds them ahead of the tests, if this machine can be a node, and
prints their archives.
"""

import hashlib
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.node.binaries import PAUSE
from tests.node.commands import CommandError, attempt, run
from tests.node.containerd import PAUSE_IMAGE
from tests.node.machine import absent_tools, inabilities
from tintype_catalog.__about__ import __version__
from tintype_testing import locks, previous_release
from tintype_testing.cluster.building import BuildError, cache, locked
from tintype_testing.wheels import DownloadError, downloaded

ROOT = Path(__file__).parents[2]

CLIENT, LAST = (Path(__file__).parent / name for name in ("client", "previous"))

SUITE = "bookworm"

PYTHON = "3.11"
"""Of the suite: the wheels are those for it."""

CLIENT_IMAGE = "localhost/client:1"

CLIENT_NEEDS = ("openai", "pillow")

TARGETS = ("gateway", "operator")

PACKAGES = "python3-venv,ca-certificates"

WHEELS = "/mnt/wheels"
"""The folder with the wheels inside a build."""

UNNEEDED = ("doc", "man", "locale", "info")

BASE = (
    "localhost/base:" + hashlib.sha256(repr((SUITE, PACKAGES, UNNEEDED)).encode()).hexdigest()[:16]
)
"""Built once for each version of the build recipe."""

Image = str


@dataclass(frozen=True)
class Product:
    """A release of Tintype, whose images the chart looks for in a registry."""

    registry: str
    version: str

    def image(self, target: str) -> Image:
        return f"{self.registry}/tintype-{target}:{self.version}"


PACKAGES = f"/opt/tintype/lib/python{PYTHON}/site-packages"
"""Where an image has Tintype's packages, and those that it needs."""

CURRENT = Product("localhost", __version__)

PREVIOUS = Product("localhost/previous", previous_release.VERSION)


def build_images() -> list[Path]:
    """Build every image that the node runs, and return their archives.

    Those of the last release are missing where the history of the repository is.

    Raises:
        CommandError: A tool failed.
        BuildError: Go is missing or failed.
        DownloadError: The package index has not what is locked.
    """
    folder = cache() / "node"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock"):
        _build_pause()
        _build_base(folder)
        images = [PAUSE_IMAGE, CLIENT_IMAGE]
        for target in TARGETS:
            images.append(_build_product(target, downloaded(target, PYTHON, _locks(target))))
        with suppress(previous_release.HistoryMissingError):  # the tests that need it report it
            sources = previous_release.sources()
            images += [_build_previous(target, sources) for target in TARGETS]
        _build_client(downloaded("client", PYTHON, [_client_requirements(folder)]))
        return [_archive(folder, name) for name in images]


def buildah(*arguments: str | Path) -> str:
    """Run buildah with a separate store, without a daemon or namespaces.

    Raises:
        CommandError: It fails.
    """
    return run(*_buildah(), *arguments)


def _buildah() -> tuple[str, ...]:
    store = cache() / "node" / "store"
    return ("buildah", "--storage-driver=overlay", f"--root={store}", f"--runroot={store}-run")


def _exists(image: Image) -> bool:
    return attempt(*_buildah(), "inspect", "--type=image", image)


def _build_pause() -> None:
    if _exists(PAUSE_IMAGE):
        return
    container = buildah("from", "scratch").strip()
    buildah("copy", container, PAUSE.build() / "pause", "/pause")
    buildah("config", '--entrypoint=["/pause"]', "--user=65535:65535", container)
    buildah("commit", "--rm", container, PAUSE_IMAGE)


def _build_base(folder: Path) -> None:
    """Build a replacement of `python:3.11-slim` from the distribution's packages."""
    if _exists(BASE):
        return
    exclude = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in UNNEEDED]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        files = Path(scratch) / "files.tar"
        run("mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", *exclude, SUITE, files)
        container = buildah("from", "scratch").strip()
        buildah("add", container, files, "/")
    buildah("config", "--env=LANG=C.UTF-8", "--cmd=python3", container)
    buildah("commit", "--rm", container, BASE)


def _locks(target: str) -> list[Path]:
    return [ROOT / "requirements" / name for name in ("build.txt", f"{target}.txt")]


def _client_requirements(folder: Path) -> Path:
    """The part of the lock file that the client's image needs."""
    path = folder / "client.txt"
    needed = locks.needed_by(CLIENT_NEEDS, locks.pins("dev"), locks.environment(PYTHON, "linux"))
    path.write_text("".join(pin.text for pin in needed))
    return path


def _build_product(target: str, wheels: Path) -> Image:
    image = CURRENT.image(target)
    arguments = {"PYTHON_IMAGE": BASE, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": WHEELS}
    given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    _build(ROOT, image, f"--volume={wheels}:{WHEELS}:ro", f"--target={target}", *given)
    return image


def _build_previous(target: str, sources: Path) -> Image:
    image = PREVIOUS.image(target)
    arguments = {"CURRENT": CURRENT.image(target), "PACKAGES": PACKAGES}
    given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    _build(sources, image, f"--file={LAST / 'Dockerfile'}", *given)
    return image


def _build_client(wheels: Path) -> None:
    volume = f"--volume={wheels}:{WHEELS}:ro"
    given = (f"--build-arg=BASE={BASE}", f"--build-arg=WHEELS={WHEELS}")
    _build(CLIENT, CLIENT_IMAGE, volume, *given)


def _build(context: Path, image: Image, *arguments: str) -> None:
    options = ["--isolation=chroot", "--pull-never", "--layers"]
    buildah("build", *options, *arguments, f"--tag={image}", context)


def _archive(folder: Path, image: Image) -> Path:
    """The archive for containerd; written again only if the image changed."""
    name = image.removeprefix("localhost/").replace(":", "-").replace("/", "-")
    identity = buildah("inspect", "--type=image", "--format={{.FromImageID}}", image).strip()
    archive = folder / f"{name}-{identity[:16]}.tar"
    if not archive.exists():
        for outdated in folder.glob(f"{name}-*.tar"):
            outdated.unlink()
        buildah("push", "--quiet", image, f"docker-archive:{archive}:{image}")
    return archive


def main() -> None:
    """Build all images, if this machine can be a node."""
    if reasons := [*inabilities(), *absent_tools()]:
        print(f"no images of a node are built: {', '.join(reasons)}")
        return
    try:
        print("\n".join(map(str, build_images())))
    except (BuildError, CommandError, DownloadError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

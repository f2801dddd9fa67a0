"""Builds the images of the tests from local files, without a registry.

`python -m tests.node.images` builds them ahead of the tests and prints their archives.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

from tests.node.binaries import PAUSE
from tests.node.commands import CommandError, attempt, run
from tests.node.containerd import PAUSE_IMAGE
from tintype_catalog.__about__ import __version__
from tintype_testing import locks
from tintype_testing.cluster.building import BuildError, cache, locked
from tintype_testing.wheels import DownloadError, downloaded

ROOT = Path(__file__).parents[2]

CLIENT = Path(__file__).parent / "client"

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


def product_image(target: str) -> Image:
    """The name that the chart gives to an image, in the registry `localhost`."""
    return f"localhost/tintype-{target}:{__version__}"


def build_images() -> list[Path]:
    """Build every image that the node runs, and return their archives.

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
        for target in TARGETS:
            _build_product(target, downloaded(target, PYTHON, _locks(target)))
        _build_client(downloaded("client", PYTHON, [_client_requirements(folder)]))
        names = (PAUSE_IMAGE, CLIENT_IMAGE, *map(product_image, TARGETS))
        return [_archive(folder, name) for name in names]


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


def _build_product(target: str, wheels: Path) -> None:
    arguments = {"PYTHON_IMAGE": BASE, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": WHEELS}
    given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    _build(ROOT, product_image(target), wheels, f"--target={target}", *given)


def _build_client(wheels: Path) -> None:
    _build(CLIENT, CLIENT_IMAGE, wheels, f"--build-arg=BASE={BASE}", f"--build-arg=WHEELS={WHEELS}")


def _build(context: Path, image: Image, wheels: Path, *arguments: str) -> None:
    options = ["--isolation=chroot", "--pull-never", "--layers", f"--volume={wheels}:{WHEELS}:ro"]
    buildah("build", *options, *arguments, f"--tag={image}", context)


def _archive(folder: Path, image: Image) -> Path:
    """The archive for containerd; written again only if the image changed."""
    name = image.removeprefix("localhost/").replace(":", "-")
    identity = buildah("inspect", "--type=image", "--format={{.FromImageID}}", image).strip()
    archive = folder / f"{name}-{identity[:16]}.tar"
    if not archive.exists():
        for outdated in folder.glob(f"{name}-*.tar"):
            outdated.unlink()
        buildah("push", "--quiet", image, f"docker-archive:{archive}:{image}")
    return archive


if __name__ == "__main__":
    try:
        print("\n".join(map(str, build_images())))
    except (BuildError, CommandError, DownloadError) as error:
        sys.exit(str(error))

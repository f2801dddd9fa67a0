"""What the gateway prints at its start works as it stands, pasted anywhere."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tintype_testing.gateway_process import GatewayProcess, running_process
from tintype_testing.requirements import require


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("a folder")
    with running_process(folder, "--simulate", "--demo") as gateway:
        yield gateway


def paragraphs(gateway: GatewayProcess, first: str, last: str) -> str:
    """Return what is printed from the line that begins with `first` up to that with `last`."""
    lines = gateway.stdout.splitlines()
    begin = next(index for index, line in enumerate(lines) if line.startswith(first))
    end = next(index for index, line in enumerate(lines) if line.startswith(last))
    return "\n".join(lines[begin:end])


def test_the_shell_snippet_saves_an_image(gateway: GatewayProcess, tmp_path: Path) -> None:
    require("curl", "install it with your package manager, such as `apt-get install curl`")
    require("bash", "install it with your package manager")
    snippet = paragraphs(gateway, "curl", "In Python")
    here = Path(sys.executable).parent
    environ = os.environ | {"PATH": f"{here}:{os.environ['PATH']}"}

    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", snippet],
        cwd=tmp_path,
        env=environ,
        check=True,
        timeout=240,
    )

    check_image(tmp_path / "hedgehog.png")


def test_the_python_snippet_saves_an_image(gateway: GatewayProcess, tmp_path: Path) -> None:
    snippet = paragraphs(gateway, "import", "Ctrl-C")

    subprocess.run([sys.executable, "-c", snippet], cwd=tmp_path, check=True, timeout=240)

    check_image(tmp_path / "hedgehog.png")


def check_image(path: Path) -> None:
    with Image.open(path) as image:
        image.load()
        assert (image.format, image.size) == ("PNG", (1024, 1024))

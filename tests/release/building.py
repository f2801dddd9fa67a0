"""`make dist` with the tests' own environment."""

import os
import subprocess
import sys
from pathlib import Path

from tintype_catalog.__about__ import __version__

ROOT = Path(__file__).parents[2]

WHEEL = f"tintype-{__version__}-py3-none-any.whl"
SDIST = f"tintype-{__version__}.tar.gz"
CHART = f"tintype-{__version__}.tgz"


def make(
    *arguments: str,
    root: Path = ROOT,
    epoch: int | None = None,
    umask: int = -1,
    time_zone: str | None = None,
) -> None:
    """Run a target of the Makefile of a source tree with the environment of the tests.

    Without `epoch`, in Unix seconds, archives get the time of the last commit. `umask` and
    `time_zone`, as `$TZ` has it, are those of the tests unless they are given.
    """
    names = {"SOURCE_DATE_EPOCH", "MAKEFLAGS", "MAKELEVEL", "REGISTRY", "SOURCE"}
    environ = {name: value for name, value in os.environ.items() if name not in names}
    environ["PYTHONPATH"] = os.pathsep.join(str(root / name) for name in ("gateway", "."))
    if epoch is not None:
        environ["SOURCE_DATE_EPOCH"] = str(epoch)
    if time_zone is not None:
        environ["TZ"] = time_zone
    command = ("make", "--silent", "-o", ".venv/dev.stamp", f"BIN={Path(sys.executable).parent}")
    ended = subprocess.run(
        [*command, *arguments],
        cwd=root,
        env=environ,
        umask=umask,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr

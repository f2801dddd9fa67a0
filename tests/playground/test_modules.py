"""The page's modules without a page: Node.js runs their tests."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.playground.places import MODULES, STATIC
from tintype_testing.requirements import require

HINT = "install Node.js 20 or newer (https://nodejs.org, or `apt-get install nodejs`)"


@pytest.mark.parametrize("name", sorted(path.name for path in MODULES.glob("*.test.mjs")))
def test_the_modules_keep_their_word(name: str, tmp_path: Path) -> None:
    node = require("node", HINT)
    shutil.copytree(STATIC, tmp_path / "page")
    (tmp_path / "page" / "package.json").write_text(json.dumps({"type": "module"}))

    ended = subprocess.run(
        [node, "--test", MODULES / name],
        env=os.environ | {"PLAYGROUND": (tmp_path / "page").as_uri() + "/"},
        capture_output=True,
        text=True,
        timeout=240,
    )

    assert ended.returncode == 0, ended.stdout

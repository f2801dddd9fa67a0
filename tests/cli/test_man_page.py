"""The manual page is generated from the parsers, and a real formatter reads it."""

import re
import shutil
import subprocess

import pytest

from tests.cli.walking import COMMANDS
from tintype_cli.tree import program_parser
from tintype_testing.locks import ROOT
from tools.man_page import man_page

PAGE = ROOT / "man" / "tintype.1"


def test_the_page_is_that_of_the_parsers() -> None:
    assert PAGE.read_text() == man_page(program_parser()), "run `make man`"


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_formats_it_without_a_warning() -> None:
    command = ["groff", "-man", "-Tascii", "-P-cbou", "-wall", "-rLL=200n", str(PAGE)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)

    assert run.stderr == ""
    text = re.sub(r"\s+", " ", run.stdout)
    for path in COMMANDS:
        assert " ".join(("tintype", *path)) in text
    assert "tintype keys create --account team-a --expires-in 90d" in text
    assert "tintype completion zsh > ~/.zfunc/_tintype" in text
    assert "'invoice 17'" in text

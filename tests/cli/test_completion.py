"""Real shells complete commands, flags, values and files with the script."""

import io
import os
import pty
import re
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from tests.cli.walking import called
from tintype_cli.completion import SHELLS
from tintype_cli.tree import program_parser
from tintype_testing.requirements import require
from tintype_testing.waiting import eventually_blocking

COMPLETE = """
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
COMP_LINE="$*"
COMP_POINT=${#COMP_LINE}
function_name=$(complete -p tintype | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
"$function_name" tintype "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
"""What bash does when the tabulator is pressed at the end of a line of these words."""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scripts of all shells."""
    folder = tmp_path_factory.mktemp("scripts")
    for shell in SHELLS:
        name = "_tintype" if shell == "zsh" else f"tintype.{shell}"
        (folder / name).write_text(script_of(shell))
    return folder


def script_of(shell: str) -> str:
    with redirect_stdout(io.StringIO()) as out:
        assert called("completion", shell) == 0
    return out.getvalue()


@pytest.fixture
def folder(tmp_path: Path, scripts: Path) -> Path:
    """A folder with files to complete, and the scripts of all shells in `scripts`."""
    (tmp_path / "photo.png").touch()
    (tmp_path / "my-catalog").mkdir()
    (tmp_path / "my-file").touch()
    (tmp_path / "scripts").symlink_to(scripts)
    return tmp_path


UNIQUE = [
    (["acc"], "accounts"),
    (["accounts", "webhook-secrets", "exp"], "expire"),
    (["completion", "ba"], "bash"),
    (["keys", "rotate", "KEY", "--keep"], "--keep-old-for"),
    (["accounts", "put", "a", "--deletion-policy", "re"], "retain"),
    (["edit", "phot"], "photo.png"),
]
"""Words of which the last one is the beginning of one word only."""


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        *((words, [word]) for words, word in UNIQUE),
        (["completion", ""], [*SHELLS]),
        (["gateway", "--catalog-dir", "my"], ["my-catalog"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_bash_completes(folder: Path, words: list[str], completed: list[str]) -> None:
    script = folder / "scripts" / "tintype.bash"
    run = subprocess.run(
        ["bash", "--norc", "-c", COMPLETE, "bash", str(script), "tintype", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )

    assert sorted(run.stdout.split()) == sorted(completed), run.stderr


def fish(folder: Path, *words: str) -> dict[str, str]:
    """What fish offers for the last of some words, with descriptions."""
    program = require("fish", "install it, such as by `apt-get install fish`")
    line = " ".join(("tintype", *words))
    run = subprocess.run(
        [program, "--no-config", "-c", f"source scripts/tintype.fish; complete -C '{line}'"],
        cwd=folder,
        env=os.environ | {"HOME": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.partition("\t")[::2] for line in run.stdout.splitlines())


@pytest.mark.parametrize(("words", "word"), UNIQUE, ids=lambda value: "".join(value))
def test_fish_completes(folder: Path, words: list[str], word: str) -> None:
    assert list(fish(folder, *words)) == [word]


def test_fish_shows_the_whole_summary_of_a_subcommand(folder: Path) -> None:
    parser = program_parser().commands["accounts"]

    assert fish(folder, "accounts", "").items() >= parser.summaries.items()


ZSHRC = """
fpath=($PWD/scripts $fpath)
autoload -Uz compinit && compinit -u -D
show() { print -r -- "$BUFFER" > shown }
zle -N show
bindkey '^X^X' show
touch ready
"""
"""What makes zsh write its line into the file `shown` at Ctrl-X Ctrl-X."""


@pytest.mark.parametrize(("words", "word"), UNIQUE, ids=lambda value: "".join(value))
def test_zsh_completes(folder: Path, words: list[str], word: str) -> None:
    program = require("zsh", "install it, such as by `apt-get install zsh`")
    (folder / ".zshrc").write_text(ZSHRC)
    shown = folder / "shown"
    ours, theirs = pty.openpty()
    environ = os.environ | {"ZDOTDIR": str(folder), "TERM": "dumb"}
    with subprocess.Popen(
        [program, "-i"], cwd=folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs
    ) as zsh:
        try:
            eventually_blocking((folder / "ready").exists, "a prompt of zsh")
            os.write(ours, f"{' '.join(('tintype', *words))}\t\x18\x18".encode())
            eventually_blocking(lambda: shown.exists() and shown.read_text(), "a completed line")
        finally:
            zsh.kill()
    os.close(ours)
    os.close(theirs)

    assert shown.read_text().split() == ["tintype", *words[:-1], word]


def test_zsh_lists_the_subcommands_of_a_command_and_not_theirs(folder: Path) -> None:
    script = (folder / "scripts" / "_tintype").read_text()
    listed = script.partition("_shtab_tintype_accounts_commands() {")[2].partition("  )\n")[0]
    parser = program_parser().commands["accounts"]

    assert re.findall(r"^    ([\w-]+):", listed, re.MULTILINE) == sorted(parser.commands)


@pytest.mark.parametrize("shell", SHELLS)
def test_each_script_knows_the_nested_commands(shell: str) -> None:
    script = script_of(shell)

    assert all(word in script for word in ("webhook-secrets", "keep-old-for", "tintype"))


def test_other_commands_do_not_load_it() -> None:
    program = (
        "import sys; from tintype_cli.__main__ import main; main(['--version']); "
        "print(sorted({'shtab', 'aiohttp', 'pydantic', 'tintype_cli.tree'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert run.stdout.splitlines()[-1] == "[]"

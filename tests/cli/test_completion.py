"""A real bash completes commands, flags, values and files with the script."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.walking import called
from tintype_cli.completion import SHELLS

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


@pytest.fixture
def script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert called("completion", "bash") == 0
    path = tmp_path / "tintype.bash"
    path.write_text(capsys.readouterr().out)
    return path


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["acc"], ["accounts"]),
        (["accounts", "webhook-secrets", "exp"], ["expire"]),
        (["completion", ""], [*SHELLS]),
        (["keys", "rotate", "KEY", "--keep"], ["--keep-old-for"]),
        (["accounts", "put", "a", "--deletion-policy", "re"], ["retain"]),
        (["edit", "phot"], ["photo.png"]),
        (["gateway", "--catalog-dir", "my"], ["my-catalog"]),
    ],
    ids=" ".join,
)
def test_bash_completes(
    script: Path, tmp_path: Path, words: list[str], completed: list[str]
) -> None:
    (tmp_path / "photo.png").touch()
    (tmp_path / "my-catalog").mkdir()
    (tmp_path / "my-file").touch()

    run = subprocess.run(
        ["bash", "--norc", "-c", COMPLETE, "bash", str(script), "tintype", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert sorted(run.stdout.split()) == sorted(completed), run.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_each_script_knows_the_nested_commands(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("completion", shell) == 0

    script = capsys.readouterr().out
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

"""A tool that is missing skips a test with advice; where nothing may be skipped it fails."""

from pathlib import Path

import pytest

from tintype_testing.requirements import require


@pytest.fixture(autouse=True)
def no_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def test_a_missing_tool_skips_the_test_and_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="node is not installed: ask its makers"):
        require("node", "ask its makers")


def test_in_ci_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="node is not installed"):
        require("node", "ask its makers")


def test_a_tool_that_is_there_is_found(tmp_path: Path) -> None:
    tool = tmp_path / "node"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)

    assert require("node", "ask its makers") == str(tool)

"""Without helm the error explains how to install it, and a failed build leaves no files."""

from pathlib import Path

import pytest

from tintype_testing.helm import HelmMissingError, find_helm, is_built


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.delenv("HELM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    return cache / "tintype" / "helm"


def program(path: Path, script: str = "#!/bin/sh\n") -> Path:
    path.write_text(script)
    path.chmod(0o755)
    return path


def test_an_installed_helm_is_used(tmp_path: Path) -> None:
    installed = program(tmp_path / "helm")

    assert is_built()
    assert find_helm() == installed


def test_a_named_helm_takes_precedence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(tmp_path / "helm")
    monkeypatch.setenv("HELM", str(program(tmp_path / "another")))

    assert find_helm() == tmp_path / "another"


def test_a_named_helm_that_does_not_exist_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELM", "/nowhere/helm")

    with pytest.raises(HelmMissingError, match="/nowhere/helm is not there"):
        find_helm()


def test_without_go_the_error_names_what_to_install() -> None:
    assert not is_built()
    with pytest.raises(HelmMissingError, match=r"install it.*\$HELM"):
        find_helm()


def test_a_failed_build_reports_the_cause_and_leaves_no_files(
    tmp_path: Path, empty_cache: Path
) -> None:
    program(tmp_path / "go", "#!/bin/sh\necho no route to the module proxy >&2\nexit 1\n")

    with pytest.raises(HelmMissingError, match="no route to the module proxy"):
        find_helm()

    assert [path.name for path in empty_cache.iterdir()] == ["lock"]

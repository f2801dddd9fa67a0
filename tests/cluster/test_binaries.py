"""Without the programs the error explains how to install them; a failed build leaves no files."""

from pathlib import Path

import pytest

from tintype_testing.cluster.binaries import REQUIRED, BinariesMissingError, find_binaries, is_built


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    return cache


def install(folder: Path, name: str, script: str = "#!/bin/sh\n") -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


def test_installed_programs_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assets = tmp_path / "assets"
    for name in REQUIRED:
        install(assets, name)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))

    assert is_built()
    assert find_binaries() == assets


def test_an_incomplete_installation_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(tmp_path / "assets", "etcd")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))

    with pytest.raises(BinariesMissingError, match="lacks kube-apiserver, kubectl"):
        find_binaries()


def test_without_go_the_error_names_what_to_install() -> None:
    assert not is_built()
    with pytest.raises(BinariesMissingError, match=r"install Go.*KUBEBUILDER_ASSETS"):
        find_binaries()


def test_a_failed_build_reports_the_cause_and_leaves_no_files(
    tmp_path: Path, empty_cache: Path
) -> None:
    install(tmp_path, "go", "#!/bin/sh\necho no route to the module proxy >&2\nexit 1\n")

    with pytest.raises(BinariesMissingError, match="no route to the module proxy"):
        find_binaries()

    assert [path.name for path in (empty_cache / "tintype" / "controlplane").iterdir()] == ["lock"]

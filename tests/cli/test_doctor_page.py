"""Every command of docs/doctor.md runs, and the page lists every check."""

import re
import shlex
from pathlib import Path

import pytest

import tintype_cli.checks
from tests.cli.walking import called
from tests.pages.blocks import claim
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.gateway_process import GatewayProcess
from tintype_testing.locks import ROOT

PAGE = (ROOT / "docs" / "doctor.md").read_text()

BLOCKS = claim(__name__, "docs/doctor.md")
COMMANDS = [
    command for block in BLOCKS if block.language == "sh" for command in block.code.splitlines()
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_runs(
    command: str,
    gateway: GatewayProcess,
    cluster_with_crds: ControlPlane,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(gateway.folder)
    monkeypatch.setenv("TINTYPE_SIMULATE", "true")
    here = {
        "http://127.0.0.1:9090": gateway.admin_url,
        "~/.kube/config": str(cluster_with_crds.kubeconfig),
        "images": namespace,
    }
    _, *words = shlex.split(command)

    code = called(*(here.get(word, word) for word in words))

    out, err = capsys.readouterr()
    assert err == ""
    problems = [line for line in out.splitlines() if line.startswith("problem")]
    in_empty_namespace = "--kubeconfig" in words  # no operator publishes a catalog there
    assert len(problems) == code == int(in_empty_namespace)


def test_every_check_is_in_the_table() -> None:
    (folder,) = map(Path, tintype_cli.checks.__path__)
    text = "".join(path.read_text() for path in folder.glob("*.py"))
    names = set(re.findall(r'^(?:CHECK|JOBS) = "([a-z-]+)"', text, re.MULTILINE))
    names |= {"api-server", "rights", "crds", "objects", "clock"}

    assert names == set(re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE))

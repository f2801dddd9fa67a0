"""The remaining commands and files: releases, benchmarks, completion, the simulator, Argo CD."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from urllib.request import Request

import pytest
import yaml

from bench.__main__ import _parser as bench_parser
from bench.soak_samples import write
from tests.bench.test_report import MACHINE, case, turn
from tests.bench.test_soak import samples
from tests.pages.blocks import ROOT, Block, blocks, claim, pages
from tests.pages.shell import Shell, programs
from tintype_testing.cluster.processes import Process, free_ports, start_tintype
from tintype_testing.gateway_process import running_process
from tintype_testing.http import responded
from tintype_testing.requirements import require
from tintype_testing.waiting import eventually_blocking

MAKE = [
    *claim(__name__, "README.md", having="make run"),
    *claim(__name__, "README.md", having="make test"),
    *claim(__name__, "CONTRIBUTING.md", "sh"),
]
REAL_KEY = claim(__name__, "README.md", having="OPENAI_API_KEY=")
OWN_CATALOG = claim(__name__, "README.md", having="mkdir credentials")
INSTALL = claim(__name__, "README.md", having="helm install")
NAMES = claim(__name__, "docs/verify.md", having="IDENTITY=")
SIGNED = claim(__name__, "docs/verify.md", having="cosign verify")
BENCH_FIGURES = claim(__name__, "docs/benchmarks.md", having="bench.report")
BENCH_PEER = claim(__name__, "docs/benchmarks.md", having="bench --quick")
BENCH_PLOT = claim(__name__, "docs/benchmarks.md", having="bench.soak --draw")
COMPLETION = claim(__name__, "docs/command-line.md", "sh")
SIMULATOR, FAULTS = claim(__name__, "docs/simulator.md", "sh")
(FOLDER,) = claim(__name__, "docs/accounts-as-resources.md", having="--catalog-dir")
(FOLDER_KEY,) = claim(__name__, "docs/accounts-as-resources.md", having=".tintype/keys")
(FOLDER_CHECK,) = claim(__name__, "docs/accounts-as-resources.md", having="catalog check")
(ARGO_CD,) = claim(__name__, "docs/accounts-as-resources.md", "yaml", having="resource.custom")

ELSEWHERE = {
    "docs/audit-log.md": ("sources:", "Vector is not packaged; its file is read as YAML"),
    "docs/playground.md": ("pytest", "`make test` runs these tests"),
    "docs/scaling.md": ("prometheus-adapter", "the chart of the adapter is in a registry"),
    "docs/verify.md": ("tar -xzf", "`tests/release/test_install.py` installs what is locked"),
}
"""What no test runs as it stands: a page with a text of its block, and why."""

NOT_RUN = [
    *(
        block
        for page, (text, _) in ELSEWHERE.items()
        for block in claim(__name__, page, having=text)
    ),
    *claim(__name__, "docs/verify.md", having="make dist"),
]

STUBS = {"cosign": "Sigstore", "gh": "GitHub", "docker": "a daemon", "helm": "a registry"}
"""Programs that need what no test has; a stub succeeds in their place."""

SHELLCHECK = "SC1091,SC2034,SC2086,SC2154,SC2155"
"""What is not wrong in a page: files and variables that are the reader's, words without quotes."""


@pytest.fixture
def apart(path: Path, tmp_path: Path) -> Shell:
    """A shell in a folder without a gateway, where some programs are stubs."""
    return Shell(tmp_path, [path], {"HOME": str(tmp_path)})


@pytest.mark.parametrize(
    "page", [page for page in pages() if any(each.language == "sh" for each in blocks(page))]
)
def test_a_page_has_no_fault_that_shellcheck_finds(page: str) -> None:
    shellcheck = require("shellcheck", "`apt-get install shellcheck`")
    code = "\n".join(each.code for each in blocks(page) if each.language == "sh")

    ended = subprocess.run(
        [shellcheck, "--shell=bash", f"--exclude={SHELLCHECK}", "--severity=warning", "-"],
        input=code,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("block", [each for each in NOT_RUN if each.language == "yaml"], ids=str)
def test_a_file_of_another_program_is_yaml(block: Block) -> None:
    assert yaml.safe_load(block.code)


@pytest.mark.parametrize("block", MAKE, ids=str)
def test_every_target_of_make_can_be_made(block: Block) -> None:
    require("make", "`apt-get install make`")
    targets = [shlex.split(line, comments=True)[1:] for line in block.code.splitlines()]

    for target in targets:
        command = ["make", "--dry-run", "--directory", str(ROOT), *target]
        assert subprocess.run(command, capture_output=True).returncode == 0, target


def test_the_readme_installs_as_the_other_pages_do() -> None:
    (install,) = INSTALL
    for page in ("docs/kubernetes.md", "docs/get-started-in-a-cluster.md"):
        assert install.code in [each.code for each in blocks(page)]


def test_a_gateway_serves_a_catalog_of_ones_own(apart: Shell, tmp_path: Path) -> None:
    (tmp_path / "my-catalog").symlink_to(ROOT / "gateway" / "tintype_catalog" / "starter")
    (port,) = free_ports(1)
    folders = "--credentials-dir credentials/"
    ready = f"until curl -sf http://127.0.0.1:{port}/readyz; do sleep 0.1; done"
    key, own = REAL_KEY[0].code.splitlines()

    (printed,) = apart.run(
        OWN_CATALOG,
        before=key,
        replaced={
            ".venv/bin/tintype": "tintype",
            folders: f"{folders} --port 0 --admin-port {port} & {ready}",
        },
    )

    assert (tmp_path / "credentials" / "openai.api-key").read_text() == "sk-..."
    assert re.search(r"\d+ models", printed)
    assert own == ".venv/bin/tintype gateway --demo"  # tests/site/test_get_started.py runs it


def test_a_release_is_verified_by_commands_that_hold_together(tmp_path: Path, path: Path) -> None:
    (tmp_path / "file").write_text("a file of the release")
    (tmp_path / "SHA256SUMS").write_text(f"{sha256(b'a file of the release').hexdigest()}  file\n")
    (tmp_path / "bin").mkdir()

    with programs(tmp_path / "bin", STUBS) as stubs:
        Shell(tmp_path, [stubs, path]).run(NAMES + SIGNED)


def run_modules(block: Block, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each `python -m MODULE` of a block in a folder, in this process: imports take long."""
    monkeypatch.chdir(folder)
    for line in block.code.splitlines():
        _, _, module, *words = shlex.split(line, comments=True)
        monkeypatch.setattr(sys, "argv", [module, *words])
        import_module(module).main()


def test_the_figures_of_a_benchmark_are_printed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    turns = case(direct=[turn()], relay=[turn(cpu_ms=0.5)], tintype=[turn(cpu_ms=0.75)])
    cases = [turns | {"title": f"openai-images, {size}"} for size in ("64 KiB", "1.5 MiB", "6 MiB")]
    found = {"machine": MACHINE, "cases": cases, "waves": []}
    (tmp_path / "bench-results.json").write_text(json.dumps(found))

    run_modules(BENCH_FIGURES[0], tmp_path, monkeypatch)

    assert "aiohttp relay" in capsys.readouterr().out


def test_the_arguments_for_a_peer_are_those_of_the_benchmark() -> None:
    (block,) = BENCH_PEER
    _, _, module, *words = shlex.split(block.code)

    assert module == "bench"
    assert bench_parser().parse_args(words).quick


def test_the_plot_of_a_soak_is_drawn_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("build/soak", "docs/images"):
        (tmp_path / folder).mkdir(parents=True)
    write(samples(*range(100, 130)), tmp_path / "build" / "soak" / "samples.csv")

    run_modules(BENCH_PLOT[0], tmp_path, monkeypatch)

    assert (tmp_path / "docs" / "images" / "soak.svg").read_text().startswith("<svg")


def test_the_script_of_completion_is_where_bash_looks(apart: Shell, tmp_path: Path) -> None:
    apart.run(COMPLETION)

    script = tmp_path / ".local/share/bash-completion/completions/tintype"
    assert "complete -" in script.read_text()


@contextmanager
def simulator(folder: Path) -> Iterator[tuple[Process, int]]:
    """Run the simulator of the page on another port."""
    (port,) = free_ports(1)
    _, *words = shlex.split(SIMULATOR.code.replace("9000", str(port)))
    process = start_tintype(folder / "log", *words)
    try:
        process.wait_until(lambda: "simulat" in process.output(), 120, "the simulator")
        yield process, port
    finally:
        process.stop()


def test_the_simulator_is_told_of_faults(apart: Shell, tmp_path: Path) -> None:
    with simulator(tmp_path) as (_, port):
        apart.run([FAULTS], replaced={"9000": str(port)})
        call = Request(f"http://127.0.0.1:{port}/v1/images/generations", b"{}")
        call.add_header("Authorization", "Bearer sk-anything")

        assert responded(call)[0] == 429


def test_a_gateway_applies_a_folder_of_accounts(apart: Shell, tmp_path: Path) -> None:
    (tmp_path / "gateway").symlink_to(ROOT / "gateway")
    apart.run([FOLDER_CHECK])
    _, _, *flags = shlex.split(FOLDER.code)

    with running_process(tmp_path, *flags) as gateway:
        key = tmp_path / ".tintype" / "keys" / "studio-openai" / "OPENAI_API_KEY"
        eventually_blocking(key.exists, "the key of the page")
        call = f'curl -sSf {gateway.url}/v1/credits -H "Authorization: Bearer $OPENAI_API_KEY"'
        (own,) = apart.run([FOLDER_KEY, Block("docs", 0, "sh", call)])[1:]

    assert json.loads(own)["account"] == "studio"


HEALTH = """
function health(obj) {code} end
local function condition(type, status) return {{type = type, status = status, message = "m"}} end
local function of(...)
  local status = {{observedGeneration = 2, conditions = {{...}}}}
  return {{metadata = {{generation = 2}}, status = status}}
end
local old = of(condition("Ready", "True"))
old.status.observedGeneration = 1
for _, obj in ipairs({{
  {{metadata = {{generation = 1}}}}, old, of(condition("Ready", "True")),
  of(condition("Ready", "False"), condition("Stalled", "True")),
  of(condition("Ready", "False"), condition("Reconciling", "True")),
}}) do print(health(obj).status) end
"""


def test_argo_cd_tells_the_health_of_an_account() -> None:
    lua = require("lua5.4", "`apt-get install lua5.4`")
    (code,) = yaml.safe_load(ARGO_CD.code)["data"].values()

    ended = subprocess.run(
        [lua, "-"], input=HEALTH.format(code=code), capture_output=True, text=True, check=True
    )

    expected = ["Progressing", "Progressing", "Healthy", "Degraded", "Progressing"]
    assert ended.stdout.split() == expected

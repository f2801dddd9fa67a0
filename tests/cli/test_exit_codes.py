"""Each exit code in a help text is the result of a real run."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.walking import COMMANDS, called, children, exit_codes
from tests.gateway.api import test_process
from tintype_gateway.server import STARTER
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.cluster.processes import free_ports
from tintype_testing.gateway_process import GatewayProcess, clean_environ
from tintype_testing.sample_images import drawn

CLOSED = "127.0.0.1:1"
"""A URL at which no server listens."""

NO_SUCH = "--no-such-flag"

REQUESTS = {
    "generate": ("generate", "a hedgehog", "-o", "new.png", "-m"),
    "edit": ("edit", "photo.png", "a hedgehog", "-o", "new.png", "-m"),
    "vary": ("vary", "photo.png", "-o", "new.png", "-m"),
}
"""The commands that request images, without the model at their end."""


@dataclass
class Place:
    """An empty folder and the environment of the commands that run in it."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    request: pytest.FixtureRequest

    def named(self, name: str, text: str = "") -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def set(self, name: str, value: object) -> None:
        self.monkeypatch.setenv(name, str(value))

    def out(self) -> str:
        output: tuple[str, str] = self.request.getfixturevalue("capsys").readouterr()
        return output[0]


Run = Callable[[Place], int]
"""Causes one exit code, and returns it."""


def calling(*arguments: object) -> Run:
    return lambda place: called(*map(str, arguments))


def in_a_process(*arguments: str) -> Run:
    """Run a command that changes the logging of its process."""

    def run(place: Place) -> int:
        with started(place, *arguments) as process:
            process.communicate(timeout=60)
            return process.returncode

    return run


def on_ledger(*arguments: str) -> Run:
    """Run a command with an account `team-a`; `KEY_ID` is replaced by the id of its key."""

    def run(place: Place) -> int:
        assert called("accounts", "create", "team-a") == 0
        place.out()
        assert called("keys", "create", "--account", "team-a") == 0
        key_id, _ = place.out().split("\t")
        return called(*(key_id if text == "KEY_ID" else text for text in arguments))

    return run


def without_ledger(*arguments: str) -> Run:
    def run(place: Place) -> int:
        place.set("TINTYPE_DATABASE_URL", f"postgresql://tintype@{CLOSED}/ledger")
        return called(*arguments)

    return run


def with_a_wrong_setting(*arguments: str) -> Run:
    def run(place: Place) -> int:
        place.set("TINTYPE_PORT", "eighty")
        return called(*arguments)

    return run


def ended_by(number: signal.Signals, after: str, *arguments: str) -> Run:
    """Run a server until it prints a text, and stop it by a signal."""

    def run(place: Place) -> int:
        with started(place, *arguments) as process:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if after in line:
                    process.send_signal(number)
            assert after in "".join(said), said
            return process.wait(timeout=60)

    return run


@contextmanager
def started(place: Place, *arguments: str, **environ: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-m", "tintype_cli", *arguments],
        cwd=place.folder,
        env=clean_environ() | environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def on_a_taken_port(*arguments: str) -> Run:
    def run(place: Place) -> int:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            with started(place, *arguments, "--port", port) as process:
                process.communicate(timeout=60)
                return process.returncode

    return run


def checking(manifest: str) -> Run:
    return lambda place: called("catalog", "check", str(place.named("x.yaml", manifest).parent))


def operating_without_a_cluster(place: Place) -> int:
    cluster = {"name": "c", "cluster": {"server": f"http://{CLOSED}"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "n"}}
    parts = {"clusters": [cluster], "contexts": [context], "users": [{"name": "u", "user": {}}]}
    kubeconfig = place.named("kubeconfig", str(parts | {"current-context": "c"}))
    flags = ("--kubeconfig", str(kubeconfig), "--health-port", str(*free_ports(1)))
    return ended_by(signal.SIGTERM, "will try again", "operator", *flags)(place)


def writing_into_a_taken_name(place: Place) -> int:
    assert called("crds", "write", str(place.folder)) == 0
    (file, *_) = place.folder.glob("*.yaml")
    file.unlink()
    file.mkdir()
    return called("crds", "write", str(place.folder))


def applying(place: Place) -> int:
    cluster: ControlPlane = place.request.getfixturevalue("cluster")
    return called("crds", "apply", "--kubeconfig", str(cluster.kubeconfig))


def requesting(command: str, model: str) -> Run:
    def run(place: Place) -> int:
        gateway: GatewayProcess = place.request.getfixturevalue("gateway")
        place.set("TINTYPE_API_KEY", gateway.demo_key)
        return called(*REQUESTS[command], model, "--url", gateway.url)

    return run


def requesting_nowhere(command: str) -> Run:
    def run(place: Place) -> int:
        place.set("TINTYPE_API_KEY", "sk-tintype-x")
        return called(*REQUESTS[command], "gpt-image-1", "--url", f"http://{CLOSED}")

    return run


@contextmanager
def interruptible() -> Iterator[None]:
    """Restore the default handling of SIGINT for programs that are started within the block. A
    shell sets background jobs to ignore this signal, and the tests would pass that on to their
    children."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


def interrupted_while_requesting(command: str) -> Run:
    def run(place: Place) -> int:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            call = (*REQUESTS[command], "gpt-image-1", "--url", url)
            with interruptible(), started(place, *call, TINTYPE_API_KEY="sk-tintype-x") as process:
                connection, _ = silent.accept()
                with connection:
                    connection.recv(1)
                    process.send_signal(signal.SIGINT)
                    process.communicate(timeout=60)
                return process.returncode

    return run


def request_runs(command: str, model: str) -> dict[tuple[str, int], Run]:
    """The runs of a command that requests images, for a model that can make them."""
    return {
        (command, 0): requesting(command, model),
        (command, 1): requesting(command, "no-such-model"),
        (command, 2): calling(*REQUESTS[command], model, NO_SUCH),
        (command, 3): requesting_nowhere(command),
        (command, 130): interrupted_while_requesting(command),
    }


def ledger_runs(command: str, right: str, *, refused: Run | str) -> dict[tuple[str, int], Run]:
    """The runs of a command with valid, with refused and with wrong arguments."""
    words = command.split()
    wrong = on_ledger(*words, *refused.split()) if isinstance(refused, str) else refused
    return {
        (command, 0): on_ledger(*words, *right.split()),
        (command, 1): wrong,
        (command, 2): calling(*words, NO_SUCH),
    }


RUNS: dict[tuple[str, int], Run] = {
    ("gateway", 0): ended_by(
        signal.SIGTERM, '"serving"', "gateway", "--simulate", "--port", "0", "--admin-port", "0"
    ),
    ("gateway", 1): on_a_taken_port("gateway", "--simulate", "--admin-port", "0"),
    ("gateway", 2): with_a_wrong_setting("gateway"),
    ("operator", 0): operating_without_a_cluster,
    ("operator", 1): in_a_process("operator", "--kubeconfig", "/no/such/file"),
    ("operator", 2): calling("operator", "--relist-seconds", "soon"),
    ("simulator", 0): ended_by(signal.SIGINT, "The simulators serve", "simulator", "--port", "0"),
    ("simulator", 1): on_a_taken_port("simulator"),
    ("simulator", 2): calling("simulator", "--port", "eighty"),
    **request_runs("generate", "imagen-4.0-fast-generate-001"),
    **request_runs("edit", "gpt-image-1-mini"),
    **request_runs("vary", "gpt-image-1-mini"),
    ("catalog check", 0): calling("catalog", "check", STARTER),
    ("catalog check", 1): checking("kind: ImageModel"),
    ("catalog check", 2): calling("catalog", "check"),
    ("crds write", 0): lambda place: called("crds", "write", str(place.folder)),
    ("crds write", 1): writing_into_a_taken_name,
    ("crds write", 2): calling("crds", "write", "/no/such/folder"),
    ("crds apply", 0): applying,
    ("crds apply", 1): calling("crds", "apply", "--kubeconfig", "/no/such/file"),
    ("crds apply", 2): calling("crds", "apply", NO_SUCH),
    **ledger_runs("ledger audit", "", refused=without_ledger("ledger", "audit")),
    **ledger_runs(
        "ledger archive",
        "--before 90d --to archive.jsonl.gz",
        refused="--before 1d --to archive.jsonl.gz",
    ),
    **ledger_runs("ledger migrate", "", refused=without_ledger("ledger", "migrate")),
    **ledger_runs("accounts create", "team-b", refused="team-a"),
    **ledger_runs("accounts grant", "team-a --credits 2", refused="team-b --credits 2"),
    **ledger_runs(
        *("accounts adjust", "team-a --credits -2 --reason x"),
        refused="team-b --credits 2 --reason x",
    ),
    **ledger_runs("accounts set", "team-a --models all", refused="team-b"),
    **ledger_runs("accounts show", "team-a", refused="team-b"),
    **ledger_runs("accounts list", "", refused=without_ledger("accounts", "list")),
    **ledger_runs("keys create", "--account team-a", refused="--account team-b"),
    **ledger_runs("keys list", "--account team-a", refused="--account team-b"),
    **ledger_runs("keys rotate", "KEY_ID", refused="key_x"),
    **ledger_runs("keys revoke", "KEY_ID", refused="key_x"),
}


ELSEWHERE = {
    ("gateway", 130): test_process.test_a_second_signal_does_not_wait_for_requests_in_flight,
}
"""Exit codes that other tests cause, because they need more preparation."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Place:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.png").write_bytes(drawn("png", 96, 64))
    place = Place(tmp_path, monkeypatch, request)
    place.set("TINTYPE_DATABASE_URL", f"sqlite:///{tmp_path / 'ledger.db'}")
    return place


def test_every_documented_exit_code_has_a_run() -> None:
    leaves = [path for path in COMMANDS if path and not children(path)]
    documented = {(" ".join(path), code) for path in leaves for code in exit_codes(path)}

    assert documented == RUNS.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize(("command", "code"), RUNS, ids=[f"{name} {code}" for name, code in RUNS])
def test_a_run_ends_with_its_documented_exit_code(command: str, code: int, place: Place) -> None:
    assert RUNS[command, code](place) == code

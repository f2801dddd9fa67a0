"""Each exit code in a help text is the result of a real run."""

import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.cli.walking import COMMANDS, called, children, exit_codes
from tests.gateway.api import test_process
from tintype_cli import ledger_work
from tintype_gateway.ledger.factory import open_ledger
from tintype_gateway.server import STARTER
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.cluster.processes import free_ports
from tintype_testing.forked import Command, running_command
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
        with started(place, *arguments) as command:
            command.output.read()
            return command.process.wait(180)

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
    """Run a command whose database is not there; it gives up at once, not after 5 seconds."""

    def run(place: Place) -> int:
        place.set("TINTYPE_DATABASE_URL", f"postgresql://tintype@{CLOSED}/ledger")
        impatient = partial(open_ledger, busy_timeout_seconds=0.1)
        place.monkeypatch.setattr(ledger_work, "open_ledger", impatient)
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
        with started(place, *arguments) as command:
            said = []
            for line in command.output:
                said.append(line)
                if after in line:
                    command.process.send_signal(number)
            assert after in "".join(said), said
            return command.process.wait(180)

    return run


def started(place: Place, *arguments: str, **environ: str) -> AbstractContextManager[Command]:
    return running_command(place.folder, clean_environ() | environ, *arguments)


def on_a_taken_port(*arguments: str) -> Run:
    def run(place: Place) -> int:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            with started(place, *arguments, "--port", port) as command:
                command.output.read()
                return command.process.wait(180)

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


def restoring(place: Place) -> int:
    assert on_ledger("ledger", "backup", "--to", "ledger.backup")(place) == 0
    place.set("TINTYPE_DATABASE_URL", f"sqlite:///{place.folder / 'restored.db'}")
    return called("ledger", "restore", "ledger.backup")


def creating_keys(place: Place) -> int:
    cluster: ControlPlane = place.request.getfixturevalue("cluster")
    kubeconfig = str(cluster.kubeconfig)
    return called("jobkeys", "create", "--secret", "job-keys", "--kubeconfig", kubeconfig)


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
    return asking_nowhere(*REQUESTS[command], "gpt-image-1")


def asking_nowhere(*words: str) -> Run:
    def run(place: Place) -> int:
        place.set("TINTYPE_API_KEY", "sk-tintype-x")
        return called(*words, "--url", f"http://{CLOSED}")

    return run


def interrupted_while_requesting(name: str) -> Run:
    return interrupted_while_asking(*REQUESTS[name], "gpt-image-1")


def interrupted_while_asking(*words: str) -> Run:
    def run(place: Place) -> int:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            call = (*words, "--url", f"http://127.0.0.1:{silent.getsockname()[1]}")
            with started(place, *call, TINTYPE_API_KEY="sk-tintype-x") as command:
                connection, _ = silent.accept()
                with connection:
                    connection.recv(1)
                    command.process.send_signal(signal.SIGINT)
                    command.output.read()
                    return command.process.wait(180)

    return run


JOBS = {
    "jobs list": (),
    "jobs show": ("job_0",),
    "jobs cancel": ("job_0",),
    "jobs wait": ("job_0", "-o", "new.png"),
}
"""The commands that work on jobs, with the arguments after their names."""


def with_a_webhook_secret(command: str, *more: str) -> Run:
    """Run a command on a secret of the webhooks of `team-a`."""

    def run(place: Place) -> int:
        place.set("TINTYPE_DATA_DIR", place.folder)
        assert called("accounts", "create", "team-a") == 0
        place.out()
        assert called("accounts", "webhook-secrets", "create", "team-a") == 0
        secret, _ = place.out().split("\t")
        return called("accounts", "webhook-secrets", command, "team-a", secret, *more)

    return run


def working_on_a_job(command: str) -> Run:
    """Run a command with the id of a job that a gateway has just accepted."""

    def run(place: Place) -> int:
        gateway: GatewayProcess = place.request.getfixturevalue("gateway")
        place.set("TINTYPE_API_KEY", gateway.demo_key)
        place.set("TINTYPE_BASE_URL", gateway.url)
        place.out()
        model = ("-m", "imagen-4.0-fast-generate-001")
        assert called("generate", "a hedgehog", *model, "--background") == 0
        job = place.out().strip()
        return called(
            *command.split(), *(job if text == "job_0" else text for text in JOBS[command])
        )

    return run


def with_a_wrong_key(*words: str) -> Run:
    def run(place: Place) -> int:
        gateway: GatewayProcess = place.request.getfixturevalue("gateway")
        place.set("TINTYPE_API_KEY", "sk-wrong")
        return called(*words, "--url", gateway.url)

    return run


def job_runs(command: str) -> dict[tuple[str, int], Run]:
    words = (*command.split(), *JOBS[command])
    return {
        (command, 0): working_on_a_job(command),
        (command, 1): with_a_wrong_key(*words),
        (command, 2): calling(*words, NO_SUCH),
        (command, 3): asking_nowhere(*words),
        (command, 130): interrupted_while_asking(*words),
    }


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


def redelivering(place: Place) -> int:
    place.out()
    assert called("webhooks", "test") == 0
    return called("webhooks", "resend", place.out().strip())


def releasing(place: Place) -> int:
    assert called("accounts", "put", "team-a", "--owner", "x") == 0
    return called("accounts", "release", "team-a", "--owner", "x")


def showing_a_grant(place: Place) -> int:
    granting = ("grants", "put", "2026-11", "--account", "team-a", "--credits", "2")
    assert on_ledger(*granting)(place) == 0
    return called("grants", "show", "2026-11")


def completing_without_shtab(place: Place) -> int:
    place.monkeypatch.setitem(sys.modules, "shtab", None)
    return called("completion", "bash")


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
    **{run: cause for command in JOBS for run, cause in job_runs(command).items()},
    ("catalog check", 0): calling("catalog", "check", STARTER),
    ("catalog check", 1): checking("kind: ImageModel"),
    ("catalog check", 2): calling("catalog", "check"),
    ("crds write", 0): lambda place: called("crds", "write", str(place.folder)),
    ("crds write", 1): writing_into_a_taken_name,
    ("crds write", 2): calling("crds", "write", "/no/such/folder"),
    ("crds apply", 0): applying,
    ("crds apply", 1): calling("crds", "apply", "--kubeconfig", "/no/such/file"),
    ("crds apply", 2): calling("crds", "apply", NO_SUCH),
    ("jobkeys create", 0): creating_keys,
    ("jobkeys create", 1): calling(
        *("jobkeys", "create", "--secret", "x", "--kubeconfig", "/no/such/file")
    ),
    ("jobkeys create", 2): calling("jobkeys", "create"),
    **ledger_runs("ledger audit", "", refused=without_ledger("ledger", "audit")),
    **ledger_runs(
        "ledger archive",
        "--before 90d --to archive.jsonl.gz",
        refused="--before 1d --to archive.jsonl.gz",
    ),
    **ledger_runs(
        "ledger backup", "--to ledger.backup", refused="--to no-such-folder/ledger.backup"
    ),
    ("ledger restore", 0): restoring,
    ("ledger restore", 1): calling("ledger", "restore", "photo.png"),
    ("ledger restore", 2): calling("ledger", "restore"),
    **ledger_runs("ledger migrate", "", refused=without_ledger("ledger", "migrate")),
    **ledger_runs("usage", "--by user", refused=without_ledger("usage")),
    **ledger_runs("accounts create", "team-b", refused="team-a"),
    **ledger_runs("accounts grant", "team-a --credits 2", refused="team-b --credits 2"),
    **ledger_runs(
        *("accounts adjust", "team-a --credits -2 --reason x"),
        refused="team-b --credits 2 --reason x",
    ),
    **ledger_runs("accounts set", "team-a --models all", refused="team-b"),
    **ledger_runs("accounts show", "team-a", refused="team-b"),
    **ledger_runs("accounts webhook-secrets create", "team-a", refused="team-b"),
    **ledger_runs("accounts webhook-secrets list", "team-a", refused="team-b"),
    ("accounts webhook-secrets expire", 0): with_a_webhook_secret("expire", "--in", "1h"),
    ("accounts webhook-secrets expire", 1): on_ledger(
        *("accounts", "webhook-secrets", "expire", "team-a", "no-such-id", "--in", "1h")
    ),
    ("accounts webhook-secrets expire", 2): calling("accounts", "webhook-secrets", "expire"),
    ("accounts webhook-secrets delete", 0): with_a_webhook_secret("delete"),
    ("accounts webhook-secrets delete", 1): on_ledger(
        *("accounts", "webhook-secrets", "delete", "team-a", "no-such-id")
    ),
    ("accounts webhook-secrets delete", 2): calling("accounts", "webhook-secrets", "delete"),
    **ledger_runs("accounts list", "", refused=without_ledger("accounts", "list")),
    **ledger_runs("accounts put", "team-a --budget month=5", refused="team-a --time-zone Mars"),
    **ledger_runs("accounts suspend", "team-a", refused="team-b"),
    **ledger_runs("accounts resume", "team-a", refused="team-b"),
    ("accounts release", 0): releasing,
    ("accounts release", 1): on_ledger("accounts", "release", "team-b", "--owner", "x"),
    ("accounts release", 2): calling("accounts", "release", "team-a"),
    **ledger_runs(
        *("grants put", "2026-11 --account team-a --credits 2"),
        refused="2026-11 --account team-b --credits 2",
    ),
    ("grants show", 0): showing_a_grant,
    ("grants show", 1): calling("grants", "show", "2026-11"),
    ("grants show", 2): calling("grants", "show"),
    **ledger_runs("audit show", "--kind key", refused=without_ledger("audit", "show")),
    **ledger_runs(
        *("audit forget", "--before 365d"),
        refused=without_ledger("audit", "forget", "--before", "365d"),
    ),
    **ledger_runs("keys create", "--account team-a", refused="--account team-b"),
    **ledger_runs(
        *("keys register", f"key_x --account team-a --sha256 {'ab' * 32}"),
        refused=f"key_x --account team-b --sha256 {'ab' * 32}",
    ),
    **ledger_runs("keys expire", "KEY_ID --in 24h", refused="key_x --in 24h"),
    **ledger_runs("keys list", "--account team-a", refused="--account team-b"),
    **ledger_runs("keys rotate", "KEY_ID", refused="key_x"),
    **ledger_runs("keys revoke", "KEY_ID", refused="key_x"),
    **ledger_runs("webhooks list", "--state failed", refused=without_ledger("webhooks", "list")),
    **ledger_runs("webhooks test", "", refused=without_ledger("webhooks", "test")),
    ("doctor", 0): calling("doctor", "--no-providers"),
    ("doctor", 1): calling("doctor", "--no-providers", "--gateway", f"http://{CLOSED}"),
    ("doctor", 2): calling("doctor", NO_SUCH),
    ("completion", 0): calling("completion", "bash"),
    ("completion", 1): completing_without_shtab,
    ("completion", 2): calling("completion", "cmd"),
    ("webhooks resend", 0): redelivering,
    ("webhooks resend", 1): calling("webhooks", "resend", "msg_x"),
    ("webhooks resend", 2): calling("webhooks", "resend", NO_SUCH),
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

"""`tintype doctor` against a gateway, databases, an S3 server and simulated providers."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx2
import pytest
import yaml

from tests.cli.walking import called
from tintype_cli.checks.finding import clock_findings, clock_of
from tintype_cli.checks.ledger import job_findings
from tintype_gateway.ledger.jobs import JobQueueDepth
from tintype_gateway.storage.s3 import Bucket
from tintype_testing.forked import running_command
from tintype_testing.gateway_process import GatewayProcess, clean_environ
from tintype_testing.manifests import image_model, provider_binding
from tintype_testing.postgres import PostgresServer
from tintype_testing.s3 import S3Server

CLOSED = "http://127.0.0.1:1"

Finding = Mapping[str, str]


@dataclass
class Doctor:
    """Runs the command in an empty folder, with few variables of the environment."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def set(self, **environ: object) -> None:
        for name, value in environ.items():
            self.monkeypatch.setenv(name, str(value))

    def run(self, *arguments: str) -> tuple[int, dict[str, Finding]]:
        """Return the exit code, and the worst finding of each check."""
        code = called("doctor", "--json", *arguments)
        found: list[Finding] = json.loads(self.capsys.readouterr().out)
        order = ("ok", "warning", "problem")
        return code, {
            each["check"]: each for each in sorted(found, key=lambda it: order.index(it["level"]))
        }


@pytest.fixture
def doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Doctor:
    monkeypatch.chdir(tmp_path)
    return Doctor(monkeypatch, capsys)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("simulator")
    with running_command(folder, clean_environ(), "simulator", "--port", "0") as command:
        yield command.output.readline().split()[-1]
        command.process.terminate()


def catalog_in(folder: Path, endpoint: str, key: str) -> dict[str, object]:
    """Write a catalog with one binding, and return the settings that use it."""
    (folder / "catalog").mkdir()
    (folder / "credentials").mkdir()
    binding = provider_binding(endpoint=endpoint)
    text = yaml.safe_dump_all([image_model(), binding])
    (folder / "catalog" / "all.yaml").write_text(text)
    secret = binding["spec"]["credentials"]["secretRef"]["name"]
    (folder / "credentials" / f"{secret}.api-key").write_text(key)
    return {
        "TINTYPE_CATALOG_DIR": folder / "catalog",
        "TINTYPE_CREDENTIALS_DIR": folder / "credentials",
        "TINTYPE_ALLOW_LOOPBACK_ENDPOINTS": "true",
    }


def test_a_running_gateway_has_no_problem(doctor: Doctor, gateway: GatewayProcess) -> None:
    doctor.monkeypatch.chdir(gateway.folder)

    code, found = doctor.run("--no-providers", "--gateway", gateway.admin_url)

    assert {name: each["level"] for name, each in found.items()} == dict.fromkeys(
        ("catalog", "gateway", "ledger", "jobs", "images", "clock"), "ok"
    )
    assert code == 0


def test_a_gateway_that_does_not_respond_is_a_problem(doctor: Doctor) -> None:
    code, found = doctor.run("--no-providers", "--gateway", CLOSED)

    assert found["gateway"]["level"] == "problem"
    assert "start the gateway" in found["gateway"]["advice"]
    assert code == 1


def test_what_no_gateway_has_made_yet_is_not_made(doctor: Doctor, tmp_path: Path) -> None:
    code, found = doctor.run("--no-providers")

    assert found["ledger"]["level"] == found["images"]["level"] == "warning"
    assert list(tmp_path.iterdir()) == []
    assert code == 0


def test_an_old_ledger_is_reported_and_not_migrated(doctor: Doctor, tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 3")
    db.close()
    before = path.read_bytes()
    doctor.set(TINTYPE_DATABASE_URL=f"sqlite:///{path}")

    _, found = doctor.run("--no-providers")

    assert "has schema 3" in found["ledger"]["message"]
    assert "tintype ledger migrate" in found["ledger"]["advice"]
    assert path.read_bytes() == before


def test_a_refused_manifest_is_a_problem(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(image_model(operations=["paint"])))
    doctor.set(TINTYPE_CATALOG_DIR=tmp_path)

    code, found = doctor.run("--no-providers")

    assert found["catalog"]["level"] == "problem"
    assert code == 1


def test_a_provider_that_accepts_the_key_is_ok(
    doctor: Doctor, tmp_path: Path, simulator: str
) -> None:
    doctor.set(**catalog_in(tmp_path, simulator, "sk-anything"))

    code, found = doctor.run()

    assert "credentials accepted" in found["provider"]["message"]
    assert found["clock"]["level"] == "ok"
    assert code == 0


@pytest.mark.parametrize(
    ("status", "level"), [(401, "problem"), (403, "warning"), (404, "ok"), (500, "warning")]
)
def test_the_status_of_the_provider_decides(
    doctor: Doctor, tmp_path: Path, simulator: str, status: int, level: str
) -> None:
    faults = [{"status": status, "body": {}}]
    url = f"{simulator}/_simulator/faults"
    httpx2.put(url, json=faults, timeout=120).raise_for_status()
    doctor.set(**catalog_in(tmp_path, simulator, "sk-anything"))

    code, found = doctor.run()

    assert found["provider"]["level"] == level
    assert code == (level == "problem")


def test_a_provider_without_a_key_is_a_problem(
    doctor: Doctor, tmp_path: Path, simulator: str
) -> None:
    settings = catalog_in(tmp_path, simulator, "sk-anything")
    (key,) = (tmp_path / "credentials").iterdir()
    key.unlink()
    doctor.set(**settings)

    code, found = doctor.run()

    assert "no credentials" in found["provider"]["message"]
    assert code == 1


def test_a_provider_that_is_unreachable_is_a_problem_without_the_key(
    doctor: Doctor, tmp_path: Path
) -> None:
    doctor.set(**catalog_in(tmp_path, CLOSED, "sk-very-secret"))

    code, found = doctor.run()

    assert "unreachable" in found["provider"]["message"]
    assert "sk-very-secret" not in str(found)
    assert code == 1


def test_a_migrated_postgresql_is_ok_and_its_clock_is_compared(
    doctor: Doctor, postgres: PostgresServer, empty_ledger: str
) -> None:
    doctor.set(TINTYPE_DATABASE_URL=postgres.url(empty_ledger))

    code, found = doctor.run("--no-providers")

    assert found["ledger"]["level"] == "ok"
    assert "the database" in found["clock"]["message"]
    assert code == 0


def test_a_postgresql_that_was_not_migrated_is_a_problem(
    doctor: Doctor, postgres: PostgresServer
) -> None:
    doctor.set(TINTYPE_DATABASE_URL=postgres.url(postgres.create_database()))

    code, found = doctor.run("--no-providers")

    assert found["ledger"]["level"] == "problem"
    assert "tintype ledger migrate" in found["ledger"]["advice"]
    assert code == 1


def test_a_password_is_not_printed(doctor: Doctor) -> None:
    doctor.set(TINTYPE_DATABASE_URL="postgresql://tintype:hunter22@127.0.0.1:1/ledger")

    _, found = doctor.run("--no-providers")

    assert found["ledger"]["level"] == "problem"
    assert "hunter22" not in str(found)


def test_a_bucket_is_tried_and_left_empty(doctor: Doctor, s3: S3Server, bucket: Bucket) -> None:
    doctor.set(
        AWS_S3_BUCKET=bucket.name,
        AWS_REGION=bucket.region,
        AWS_ENDPOINT_URL_S3=bucket.endpoint,
        TINTYPE_S3_PATH_STYLE="true",
    )

    _, found = doctor.run("--no-providers")

    assert found["images"]["level"] == "ok"
    assert s3.keys(bucket) == []


def test_a_bucket_that_does_not_exist_is_a_problem(
    doctor: Doctor, s3: S3Server, aws_credentials: None
) -> None:
    doctor.set(
        AWS_S3_BUCKET="no-such-bucket",
        AWS_REGION="us-east-1",
        AWS_ENDPOINT_URL_S3=s3.url,
        TINTYPE_S3_PATH_STYLE="true",
    )

    code, found = doctor.run("--no-providers")

    assert found["images"]["level"] == "problem"
    assert "s3:PutObject" in found["images"]["advice"]
    assert code == 1


@pytest.mark.parametrize(
    ("queued", "running", "seconds", "level"),
    [
        (0, 0, 0, "ok"),
        (3, 1, 100, "ok"),
        (3, 0, 30, "ok"),
        (3, 0, 100, "problem"),
        (3, 1, 1000, "warning"),
    ],
)
def test_jobs_that_wait_for_long_are_told(
    queued: int, running: int, seconds: float, level: str
) -> None:
    idle = JobQueueDepth("other", 0, 0, 0)
    (finding,) = job_findings([idle, JobQueueDepth("canvas", queued, running, seconds)])

    assert finding.level == level


@pytest.mark.parametrize(
    ("seconds", "level"), [(0, "ok"), (60, "warning"), (-60, "warning"), (600, "problem")]
)
def test_a_clock_that_differs_is_named(seconds: int, level: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds))
    clock = clock_of("a provider", date)

    assert clock is not None
    (finding,) = clock_findings([clock])
    assert finding.level == level
    assert "a provider" in finding.message


def test_the_report_says_what_to_do(doctor: Doctor) -> None:
    assert called("doctor", "--no-providers", "--gateway", CLOSED) == 1

    lines = doctor.capsys.readouterr().out.splitlines()
    (line,) = (number for number, text in enumerate(lines) if text.startswith("problem"))
    assert lines[line + 1].startswith("         -> start the gateway")

"""The settings of jobs."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from tintype_gateway.settings import GatewaySettings


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in os.environ:
        if name.startswith(("TINTYPE_", "AWS_")):
            monkeypatch.delenv(name)
    return monkeypatch


def test_by_default_a_gateway_takes_and_runs_jobs(environ: pytest.MonkeyPatch) -> None:
    settings = GatewaySettings()

    assert settings.jobs_enabled
    assert settings.jobs_concurrency == 16
    assert (settings.jobs_max_queued, settings.jobs_max_running) == (1000, 20)


def test_the_key_of_a_gateway_alone_is_in_its_data_folder(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("TINTYPE_DATA_DIR", "/data")

    assert GatewaySettings().job_key_file == Path("/data/jobs.key")


def test_gateways_that_share_a_ledger_have_no_key_of_their_own(
    environ: pytest.MonkeyPatch,
) -> None:
    environ.setenv("TINTYPE_DATABASE_URL", "postgresql://u@h/d")

    assert GatewaySettings().job_key_file is None
    assert GatewaySettings(jobs_key_file=Path("/keys")).job_key_file == Path("/keys")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONCURRENCY", "-1"),
        ("MAX_QUEUED", "0"),
        ("MAX_RUNNING", "0"),
        ("MAX_QUEUED_SECONDS", "59"),
        ("RETENTION_SECONDS", "2592001"),
    ],
)
def test_invalid_settings_are_refused_at_the_start(
    environ: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environ.setenv(f"TINTYPE_JOBS_{name}", value)

    with pytest.raises(ValidationError, match=f"jobs_{name.lower()}"):
        GatewaySettings()

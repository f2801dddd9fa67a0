"""Settings: from the environment and from flags, checked at the start."""

import os
import re
from pathlib import Path

import pytest

from tintype_catalog.addresses import Reach
from tintype_cli.flags import is_secret, read_settings
from tintype_gateway.settings import GatewaySettings


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("TINTYPE_", "DEFAULT_MODEL_PARAMS")):
            monkeypatch.delenv(name)


def settings(*flags: str) -> GatewaySettings:
    return read_settings(GatewaySettings, "tintype gateway", {}, flags)


def complaint(capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    with pytest.raises(SystemExit) as ended:
        settings(*flags)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_without_any_it_serves_on_loopback_from_a_folder_of_its_own() -> None:
    default = settings()
    assert (default.host, default.port, default.admin_port) == ("127.0.0.1", 8080, 9090)
    assert default.data_dir == Path(".tintype")
    assert default.ledger_url == "sqlite:///.tintype/ledger.db"
    assert default.parameter_handling == "lenient"
    assert not default.simulate
    assert not default.demo


def test_they_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINTYPE_PORT", "8081")
    monkeypatch.setenv("TINTYPE_SIMULATE", "true")
    monkeypatch.setenv("TINTYPE_DATA_DIR", "/var/lib/tintype")
    read = settings()
    assert (read.port, read.simulate) == (8081, True)
    assert read.ledger_url == "sqlite:////var/lib/tintype/ledger.db"


def test_a_flag_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINTYPE_PORT", "8081")
    assert settings("--port", "8082", "--simulate").port == 8082


def test_the_url_of_the_database_goes_before_the_data_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TINTYPE_DATABASE_URL", "sqlite:///x.db")
    assert settings().ledger_url == "sqlite:///x.db"


SECRETS = {
    "admin_token": "a-token-of-the-admin-api",
    "database_url": "postgresql://u:p@h/d",
    "webhook_url": "https://hooks.example/secret",
    "guardrail_url": "https://policy.example/secret",
}


def test_every_setting_that_may_hold_a_secret_is_known_as_one() -> None:
    fields = GatewaySettings.model_fields

    assert {name for name, field in fields.items() if is_secret(field)} == SECRETS.keys()
    assert not [
        name
        for name in fields
        if re.search(r"token|password|url$", name)
        and name not in {*SECRETS, "public_url", "admin_tokens_dir"}
    ]


@pytest.mark.parametrize("name", list(SECRETS))
def test_a_secret_has_no_flag_because_process_lists_are_public(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    message = complaint(capsys, f"--{name.replace('_', '-')}", SECRETS[name])

    assert "unrecognized arguments" in message


@pytest.mark.parametrize("name", list(SECRETS))
@pytest.mark.parametrize("by_flag", [True, False])
def test_a_secret_comes_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, by_flag: bool
) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRETS[name]}\n")
    monkeypatch.setenv("TINTYPE_WEBHOOK_SECRETS_FILE", str(file))
    monkeypatch.setenv("TINTYPE_GUARDRAIL_SECRETS_FILE", str(file))
    if not by_flag:
        monkeypatch.setenv(f"TINTYPE_{name.upper()}_FILE", str(file))

    read = settings(*([f"--{name.replace('_', '-')}-file", str(file)] if by_flag else []))

    value = getattr(read, name)
    assert getattr(value, "get_secret_value", lambda: value)() == SECRETS[name]


def test_a_secret_has_one_source(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("TINTYPE_ADMIN_TOKEN", SECRETS["admin_token"])
    monkeypatch.setenv("TINTYPE_ADMIN_TOKEN_FILE", str(tmp_path / "secret"))

    message = complaint(capsys)

    assert "TINTYPE_ADMIN_TOKEN: set it or TINTYPE_ADMIN_TOKEN_FILE, not both" in message
    assert SECRETS["admin_token"] not in message


def test_a_file_of_a_secret_that_cannot_be_read_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    message = complaint(capsys, "--admin-token-file", str(tmp_path / "absent"))

    assert message == (
        f"tintype gateway: TINTYPE_ADMIN_TOKEN_FILE: cannot read {tmp_path / 'absent'}: "
        "No such file or directory\n"
    )


def test_defaults_of_models_are_json_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFAULT_MODEL_PARAMS", '{"gpt-image-2": {"quality": "low"}}')
    assert settings().default_model_params == {"gpt-image-2": {"quality": "low"}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TINTYPE_PORT", "http"),
        ("TINTYPE_PORT", "70000"),
        ("TINTYPE_ADMIN_PORT", "-1"),
        ("TINTYPE_SIMULATE", "perhaps"),
        ("TINTYPE_PARAMETER_HANDLING", "loose"),
        ("TINTYPE_MICRO_CREDITS_PER_USD", "0"),
        ("TINTYPE_MICRO_CREDITS_PER_USD", "16.5"),
        ("TINTYPE_MAX_REQUEST_BYTES", "1"),
        ("TINTYPE_LOG_LEVEL", "loud"),
        ("TINTYPE_WEBHOOK_URL", "hooks.example/x"),
        ("TINTYPE_WEBHOOK_URL", "ftp://hooks.example/x"),
        ("TINTYPE_WEBHOOK_URL", "https://user:secret@hooks.example/x"),
        ("TINTYPE_WEBHOOK_URL", "https://hooks.example:port/x"),
        ("TINTYPE_WEBHOOK_URL", "https://"),
        ("TINTYPE_GUARDRAIL_URL", "policy.example/x"),
        ("TINTYPE_GUARDRAIL_URL", "https://user:secret@policy.example/x"),
        ("TINTYPE_GUARDRAIL_TIMEOUT_SECONDS", "0"),
        ("TINTYPE_GUARDRAIL_ON_FAILURE", "ajar"),
        ("TINTYPE_GUARDRAIL_OUTPUT_IMAGES", "all"),
        ("TINTYPE_ADMIN_SERVICE_ACCOUNTS", "operator=admin"),
        ("DEFAULT_MODEL_PARAMS", "quality=low"),
        ("DEFAULT_MODEL_PARAMS", '["gpt-image-2"]'),
        ("DEFAULT_MODEL_PARAMS", '{"gpt-image-2": "low"}'),
    ],
)
def test_a_wrong_one_is_named_as_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert complaint(capsys).startswith(f"tintype gateway: {name}")


def test_all_wrong_ones_are_named_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    lines = complaint(capsys, "--port", "x", "--log-level", "loud").splitlines()
    assert [line.split(": ")[1] for line in lines] == ["TINTYPE_PORT", "TINTYPE_LOG_LEVEL"]


def test_webhooks_need_a_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TINTYPE_WEBHOOK_URL", SECRETS["webhook_url"])

    message = complaint(capsys)

    assert message == ("tintype gateway: TINTYPE_WEBHOOK_URL needs TINTYPE_WEBHOOK_SECRETS_FILE\n")


def test_a_policy_service_needs_a_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TINTYPE_GUARDRAIL_URL", SECRETS["guardrail_url"])

    message = complaint(capsys)

    assert message == (
        "tintype gateway: TINTYPE_GUARDRAIL_URL needs TINTYPE_GUARDRAIL_SECRETS_FILE\n"
    )


def test_the_audit_log_goes_to_a_receiver_that_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    message = complaint(capsys, "--webhook-audit")

    assert message == "tintype gateway: TINTYPE_WEBHOOK_AUDIT needs TINTYPE_WEBHOOK_URL\n"


@pytest.mark.parametrize("cluster", ["--catalog-configmap", "--catalog-mount"])
@pytest.mark.parametrize("local", ["--catalog-dir", "--catalog-overlay"])
def test_a_catalog_has_one_origin(
    capsys: pytest.CaptureFixture[str], cluster: str, local: str
) -> None:
    message = complaint(capsys, cluster, "a", local, "b")
    for flag in (cluster, local):
        assert f"TINTYPE_{flag[2:].replace('-', '_').upper()}" in message


def test_a_mount_and_a_watch_of_the_same_catalog_go_together() -> None:
    both = settings("--catalog-configmap", "tintype-catalog", "--catalog-mount", "/catalog")
    assert (both.catalog_configmap, both.catalog_mount) == ("tintype-catalog", Path("/catalog"))


def test_simulators_do_not_go_with_the_catalog_of_a_cluster(
    capsys: pytest.CaptureFixture[str],
) -> None:
    message = complaint(capsys, "--simulate", "--catalog-configmap", "tintype-catalog")
    assert "TINTYPE_SIMULATE" in message


@pytest.mark.parametrize(
    ("flags", "reach"),
    [
        ([], Reach.PUBLIC),
        (["--allow-private-endpoints"], Reach.NETWORK),
        (["--allow-loopback-endpoints"], Reach.PUBLIC | Reach.LOOPBACK),
        (["--simulate"], Reach.ANYWHERE),
    ],
)
def test_each_flag_opens_one_kind_of_endpoints(flags: list[str], reach: Reach) -> None:
    assert settings(*flags).endpoint_reach == reach


def test_every_setting_is_explained_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        settings("--help")
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name, field in GatewaySettings.model_fields.items():
        if field.validation_alias is None:
            assert f"[TINTYPE_{name.upper()}]" in shown
            assert field.description

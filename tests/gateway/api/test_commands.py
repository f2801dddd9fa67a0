"""The `tintype` command beside the gateway: what it says, and what it returns."""

import asyncio
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tintype_catalog.__about__ import __version__
from tintype_cli.__main__ import COMMANDS, main
from tintype_gateway.ledger.errors import KeyRevokedError
from tintype_gateway.ledger.factory import open_ledger
from tintype_testing.gateway_process import clean_environ
from tintype_testing.manifests import STARTER, image_model, per_image, provider_binding, without

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """A `tintype` in a folder of its own, which gives exit code, output and errors."""
    for name in os.environ.keys() - clean_environ().keys():
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


def test_it_lists_its_commands(run: Run) -> None:
    code, out, _ = run("--help")

    assert code == 0
    assert all(command in out for command in COMMANDS)


def test_it_tells_its_version(run: Run) -> None:
    assert run("--version") == (0, f"tintype {__version__}\n", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run: Run, command: str) -> None:
    code, out, _ = run(command, "--help")

    assert code == 0
    assert out.startswith(f"usage: tintype {command}")


def test_a_setting_of_a_few_words_names_them(run: Run) -> None:
    _, out, _ = run("gateway", "--help")

    assert "--parameter-handling {lenient,strict}" in out
    assert "--access-log-level {debug,info,warning,error}" in out


@pytest.mark.parametrize("port", ["65536", "-1", "http"])
def test_a_simulator_says_which_ports_there_are(run: Run, port: str) -> None:
    code, _, err = run("simulator", f"--port={port}")

    assert (code, err.splitlines()[-1].endswith("must be a number from 0 to 65535")) == (2, True)


def test_an_unknown_command_gets_the_list_of_commands(run: Run) -> None:
    code, _, err = run("serve")

    assert code == 2
    assert "'serve'" in err
    assert "gateway" in err


def test_a_sound_folder_is_counted(run: Run) -> None:
    code, out, err = run("catalog", "check", str(STARTER))

    assert (code, err) == (0, "")
    assert re.fullmatch(r"\d+ models and \d+ bindings are sound\.\n", out)


def test_an_announced_price_is_shown_beside_the_one_until_then(run: Run, tmp_path: Path) -> None:
    changes = [
        {"validFrom": "2020-01-01T00:00:00Z"} | per_image("0.05"),
        {"validFrom": "2999-01-01T00:00:00Z"} | per_image("0.06"),
    ]
    binding = provider_binding("changing", priceChanges=changes)
    (tmp_path / "a.yaml").write_text(f"{json.dumps(image_model())}\n---\n{json.dumps(binding)}")

    _, out, _ = run("catalog", "check", ".")

    assert out.splitlines()[0] == (
        "changing: 0.05 USD for an image, and from 2999-01-01T00:00:00Z on 0.06 USD for an image"
    )


def test_every_problem_of_a_folder_names_file_object_and_field(run: Run, tmp_path: Path) -> None:
    dear = provider_binding("dear", pricing=per_image("much"))
    lost = provider_binding("lost", model="nowhere")
    model = image_model()
    (tmp_path / "a.yaml").write_text(f"{json.dumps(model)}\n---\n{json.dumps(dear)}")
    (tmp_path / "b.json").write_text(json.dumps(lost))

    code, out, err = run("catalog", "check", ".")

    assert (code, out) == (1, "")
    assert "a.yaml: ProviderBinding/dear: spec.pricing.usd: " in err
    assert "b.json: ProviderBinding/lost: spec.modelRef.name: " in err
    assert len(err.splitlines()) == 2


def test_an_endpoint_that_calls_the_path_of_its_dialect_twice_is_a_warning(
    run: Run, tmp_path: Path
) -> None:
    binding = provider_binding("doubled", endpoint="https://proxy.example/v1")
    (tmp_path / "a.yaml").write_text(f"{json.dumps(image_model())}\n---\n{json.dumps(binding)}")

    code, out, err = run("catalog", "check", ".")

    assert (code, out) == (0, "1 model and 1 binding are sound.\n")
    assert err.startswith("a.yaml: ProviderBinding/doubled: warning: spec.endpoint: ends in `/v1`")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("spec: [", "broken.yaml"),
        (json.dumps(without(image_model(), "metadata.name")), "metadata.name"),
        (json.dumps(without(image_model(), "kind")), "kind"),
        (json.dumps(image_model() | {"metadata": []}), "metadata"),
        (json.dumps(image_model() | {"spec": None}), "spec"),
        (json.dumps(image_model() | {"apiVersion": "tintype.dev/v9"}), "apiVersion"),
    ],
)
def test_a_manifest_that_is_hardly_one_is_a_problem_and_no_crash(
    run: Run, tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "broken.yaml").write_text(content)

    code, _, err = run("catalog", "check", ".")

    assert code == 1
    assert message in err


def test_a_folder_without_manifests_is_not_sound(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("kind: Secret")

    code, out, err = run("catalog", "check", str(tmp_path))

    assert (code, out) == (1, "")
    assert err == f"{tmp_path} holds no manifest of Tintype\n"


def test_a_folder_that_is_not_there_is_named(run: Run) -> None:
    code, _, err = run("catalog", "check", "nowhere")

    assert code == 1
    assert "nowhere" in err


def test_an_account_is_opened_filled_and_listed(run: Run) -> None:
    assert run("accounts", "create", "studio", "--credits", "100")[0] == 0
    assert run("accounts", "grant", "studio", "--credits", "0.5")[0] == 0
    assert run("accounts", "create", "lab", "--unlimited")[0] == 0

    _, out, _ = run("accounts", "list")

    lab, studio = out.splitlines()
    assert lab.split("\t")[:2] == ["lab", "unlimited"]
    assert studio.split("\t")[:2] == ["studio", "100.5 credits"]


def test_a_key_that_was_shown_opens_the_gateway_until_it_is_revoked(
    run: Run, tmp_path: Path
) -> None:
    run("accounts", "create", "studio")
    _, out, _ = run("keys", "create", "--account", "studio")
    key_id, secret = out.strip().split("\t")

    assert asyncio.run(account_of(secret)) == "studio"

    assert run("keys", "revoke", key_id)[0] == 0
    with pytest.raises(KeyRevokedError):
        asyncio.run(account_of(secret))


async def account_of(secret: str) -> str:
    ledger = open_ledger("sqlite:///.tintype/ledger.db")
    try:
        return (await ledger.authenticate(secret)).account
    finally:
        await ledger.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("keys", "create", "--account", "nobody"), "nobody"),
        (("keys", "revoke", "key-unknown"), "key-unknown"),
        (("accounts", "grant", "nobody", "--credits", "1"), "nobody"),
        (("accounts", "create", "sys:funding"), "sys:"),
        (("accounts", "create", ""), "name"),
    ],
)
def test_an_error_of_a_command_is_one_line(
    run: Run, arguments: tuple[str, ...], message: str
) -> None:
    code, _, err = run(*arguments)

    assert code == 1
    assert message in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("amount", ["many", "-1", "0.0000001", "inf", "nan"])
def test_credits_are_whole_micro_credits(run: Run, amount: str) -> None:
    code, _, err = run("accounts", "create", "studio", f"--credits={amount}")

    assert code == 2
    assert "--credits" in err

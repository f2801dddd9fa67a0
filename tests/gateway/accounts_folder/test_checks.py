"""`tintype catalog check` of accounts, keys and grants."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.accounts_folder.test_applying import ACCOUNT, GRANT, KEY, manifest
from tests.gateway.accounts_folder.test_process import EXAMPLE
from tintype_cli.catalog import main
from tintype_testing.manifests import Manifest, image_model


def check(
    folder: Path, capsys: pytest.CaptureFixture[str], *manifests: Manifest
) -> tuple[int, str, str]:
    for number, each in enumerate(manifests):
        (folder / f"{number}.yaml").write_text(json.dumps(each))
    code = main(["check", str(folder)])
    out, err = capsys.readouterr()
    return code, out, err.replace(f"{folder}/", "")


def test_the_example_is_sound(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = check(EXAMPLE, capsys)

    assert (code, err) == (0, "")
    assert out == "1 model, 1 binding, 1 account, 1 key and 1 grant are sound.\n"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (manifest("Account", "acme", dispalyName="A"), "spec.dispalyName: unknown field"),
        (
            manifest("Account", "acme", budgets=[{"window": "year", "credits": "1"}]),
            "spec.budgets[0].window: should be 'day', 'week' or 'month' (is \"year\")",
        ),
        (
            manifest("Account", "acme", timeZone="Europe/Berlim"),
            'spec.timeZone: must be an IANA time zone such as Europe/Berlin (is "Europe/Berlim")',
        ),
        (
            manifest("Account", "acme", timeZone="Europe"),
            'spec.timeZone: must be an IANA time zone such as Europe/Berlin (is "Europe")',
        ),
        (
            manifest("Account", "acme", accountName="sys:revenue"),
            "spec: names that begin with `sys:` belong to the ledger",
        ),
        (
            manifest("ApiKey", "acme", account="a", accountName="b"),
            "spec: exactly one of `account` and `accountName`",
        ),
        (
            manifest("ApiKey", "acme", account="a", rotation={"interval": "1h"}),
            "spec.rotation: `overlap` must be shorter than `interval`",
        ),
        (
            manifest("ApiKey", "acme", account="a", expiresAt="2026-02-30T00:00:00Z"),
            "spec.expiresAt: day is out of range for month",
        ),
        (
            manifest("CreditGrant", "acme", account="a", credits=25, reason="x"),
            'spec.credits: must be credits as a decimal string such as "25.50" (is 25)',
        ),
        (
            manifest("CreditGrant", "acme", account="a", credits="-5", reason="x"),
            'spec.credits: must be credits as a decimal string such as "25.50" (is "-5")',
        ),
        (
            manifest("ApiKey", "acme", account="a", rotation={"interval": "30d"}),
            "spec.rotation.interval: must be hours, minutes and seconds such as 720h or 1h30m"
            ' (is "30d")',
        ),
        (
            manifest("CreditGrant", "acme", account="a", credits="0", reason="x"),
            "spec: `credits` must be more than 0",
        ),
        (
            manifest("Acount", "acme"),
            "apiVersion, kind: must be tintype.dev/v1alpha1 and one of ImageModel, "
            "ProviderBinding, Account, ApiKey, CreditGrant",
        ),
        (
            manifest("Account", "acme") | {"apiVersion": "tintype.dev/v1"},
            "apiVersion, kind: must be tintype.dev/v1alpha1 and one of ImageModel, "
            "ProviderBinding, Account, ApiKey, CreditGrant",
        ),
    ],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: Manifest, message: str
) -> None:
    code, out, err = check(tmp_path, capsys, wrong)

    assert (code, out) == (1, "")
    assert err.startswith(f"0.yaml: {wrong['kind']}/acme: {message}")


@pytest.mark.parametrize(
    ("others", "message"),
    [
        (
            [ACCOUNT, manifest("Account", "twin", accountName="acme")],
            "1.yaml: Account/twin: spec.accountName: another Account describes the account `acme`",
        ),
        (
            [ACCOUNT, ACCOUNT | {"metadata": {"name": "acme", "namespace": "default"}}],
            "1.yaml: Account/acme: metadata.name: another manifest has this kind and name in the "
            "namespace default",
        ),
        (
            [ACCOUNT, KEY, manifest("ApiKey", "app-openai", account="acme")],
            "2.yaml: ApiKey/app-openai: spec.secret.name: another ApiKey has the Secret "
            "`app-openai`",
        ),
        (
            [
                manifest("Account", "acme"),
                GRANT,
                GRANT | {"metadata": {"name": "april"}, "spec": GRANT["spec"] | {"credits": "1"}},
            ],
            "",
        ),
        (
            [
                ACCOUNT,
                manifest(
                    "CreditGrant", "a", account="acme", credits="1", reason="x", reference="r"
                ),
                manifest(
                    "CreditGrant", "b", account="acme", credits="2", reason="x", reference="r"
                ),
            ],
            "2.yaml: CreditGrant/b: spec.reference: another CreditGrant with other content has "
            "the reference `r`",
        ),
    ],
)
def test_two_objects_that_claim_the_same_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], others: list[Manifest], message: str
) -> None:
    code, _, err = check(tmp_path, capsys, *others)

    assert err.strip() == message
    assert code == (1 if message else 0)


def test_a_reference_out_of_the_folder_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = check(tmp_path, capsys, KEY, image_model())

    assert code == 0
    assert out == "1 model, 0 bindings, 0 accounts, 1 key and 0 grants are sound.\n"
    assert err == (
        "0.yaml: ApiKey/app: warning: spec.account: the folder has no Account `acme` in default\n"
    )


def test_a_model_that_the_folder_does_not_have_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account = manifest("Account", "acme", models=["canvas", "canvsa"])

    code, _, err = check(tmp_path, capsys, account, image_model())

    assert code == 0
    assert err == "0.yaml: Account/acme: warning: spec.models: the catalog has no model `canvsa`\n"


@pytest.mark.parametrize("metadata", [[], None, {}, {"name": []}, {"name": "a", "namespace": []}])
@pytest.mark.parametrize("spec", [None, [], {"account": {}}])
def test_a_manifest_that_is_hardly_one_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], metadata: Any, spec: Any
) -> None:
    wrong = manifest("ApiKey", "") | {"metadata": metadata, "spec": spec}

    code, _, err = check(tmp_path, capsys, wrong)

    assert code == 1
    assert err.startswith("0.yaml: ApiKey/")

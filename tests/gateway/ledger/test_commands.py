"""`tintype ledger`, `tintype accounts` and `tintype keys`, on both engines."""

import asyncio
import base64
import hashlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tintype_cli.__main__ import main
from tintype_gateway.ledger import Caller, KeyExpiredError, KeyRevokedError, LedgerError
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import take

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """A `tintype` that works on the ledger, and gives exit code, output and errors."""
    monkeypatch.setenv("TINTYPE_DATABASE_URL", store.url)

    def run(command: str) -> tuple[int, str, str]:
        try:
            code = main(command.split())
        except SystemExit as ended:
            code = int(ended.code or 0)
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def refusal_of(store: Store, secret: str) -> type[LedgerError] | None:
    """Return why a secret opens nothing, None: it opens the account `studio`."""

    async def authenticate() -> type[LedgerError] | None:
        ledger = store.open()
        try:
            assert (await ledger.authenticate(secret)).account == "studio"
        except LedgerError as error:
            return type(error)
        finally:
            await ledger.close()
        return None

    return asyncio.run(authenticate())


def key_of(out: str) -> tuple[str, str]:
    """Return the id and the secret of a key that was made."""
    key_id, secret = out.strip().split("\t")
    return key_id, secret


def test_a_sound_ledger_is_counted(run: Run, store: Store) -> None:
    async def charge() -> None:
        ledger = store.open()
        await ledger.settle(await take(ledger, Caller("studio", "key-1"), 400), 150, images=1)
        await ledger.close()

    run("accounts create studio --credits 1")
    asyncio.run(charge())

    code, out, err = run("ledger audit")

    figures = dict(line.split("\t") for line in out.splitlines())
    assert (code, err) == (0, "")
    assert (figures["entries"], figures["problems"]) == ("4", "0")
    assert figures["undelivered charges"] == "1"


def test_a_ledger_that_does_not_add_up_fails_and_says_where(run: Run, store: Store) -> None:
    run("accounts create studio --credits 1")
    asyncio.run(store.execute("UPDATE account SET balance = 5 WHERE name = 'studio'"))

    code, out, err = run("ledger audit")

    assert code == 1
    assert "problems\t1" in out
    assert "account studio has the balance 5, its entries add up to 1000000" in err


def test_old_postings_are_archived_and_the_file_is_verified(
    run: Run, store: Store, tmp_path: Path
) -> None:
    async def open_long_ago() -> None:
        ledger = store.open(lambda: time.time() - 100 * 24 * 3600)
        await ledger.create_account("studio", credits_micro=1000)
        await ledger.close()

    asyncio.run(open_long_ago())
    file = tmp_path / "old.jsonl.gz"

    archived = run(f"ledger archive --before 90d --to {file}")
    again = run(f"ledger archive --before 90d --to {file}")
    verified = run(f"ledger audit --verify {file}")

    assert (archived[0], archived[2]) == (0, "")
    assert f"postings\t1\nfile\t{file}" in archived[1]
    assert again == (1, "", f"tintype ledger: {file} exists already\n")
    assert verified == (0, "problems\t0\n", "")
    _, audit, _ = run("ledger audit")
    assert "archived postings\t1" in audit.splitlines()


@pytest.mark.parametrize("date", ["yesterday", "2026-02-30", "90"])
def test_a_date_that_cannot_be_read_is_refused(run: Run, date: str) -> None:
    code, _, err = run(f"ledger archive --before {date} --to old.jsonl.gz")

    assert (code, "must be a day such as 2026-01-31, or 90d" in err) == (2, True)


def test_a_database_is_migrated_as_often_as_one_likes(run: Run) -> None:
    assert [run("ledger migrate")[0] for _ in range(2)] == [0, 0]
    assert run("accounts list") == (0, "", "")


def test_an_account_is_shown_with_its_limits_and_keys_and_use(run: Run, store: Store) -> None:
    run(
        "accounts create studio --credits 2 --models dall-e-3,gpt-image-1"
        " --requests-per-minute 10 --images-per-minute 20 --response-profile openai"
    )
    _, out, _ = run("keys create --account studio")

    _, shown, _ = run("accounts show studio")

    assert shown.splitlines()[:10] == [
        "studio\t2 credits\t0 held",
        "models\tdall-e-3\tgpt-image-1",
        "requests a minute\t10",
        "images a minute\t20",
        "response profile\topenai",
        "calls a minute\t100 (default)",
        "queued jobs\tdefault",
        "running jobs\tdefault",
        "webhooks\tnot allowed",
        "guardrail\tchecked",
    ]
    assert shown.splitlines()[10].startswith(key_of(out)[0])


def test_limits_that_are_not_named_stay_as_they_are(run: Run) -> None:
    run("accounts create studio --models dall-e-3 --requests-per-minute 10")
    run("accounts set studio --models all --images-per-minute 20 --response-profile openai")
    _, shown, _ = run("accounts set studio --requests-per-minute unlimited")

    assert shown.splitlines()[1:6] == [
        "models\tall",
        "requests a minute\tunlimited",
        "images a minute\t20",
        "response profile\topenai",
        "calls a minute\t600 (default)",
    ]


def test_a_profile_can_be_given_up_and_must_be_known(run: Run) -> None:
    run("accounts create studio --response-profile openai")

    _, shown, _ = run("accounts set studio --response-profile default")
    code, _, err = run("accounts set studio --response-profile azure")

    assert "response profile\tdefault" in shown.splitlines()
    assert (code, "router, openai or `default`" in err) == (2, True)


def test_a_limit_of_calls_is_set_shown_and_taken_back(run: Run) -> None:
    run("accounts create studio --calls-per-minute 30")
    _, shown, _ = run("accounts show studio")
    assert "calls a minute\t30" in shown.splitlines()

    _, shown, _ = run("accounts set studio --calls-per-minute default")
    assert "calls a minute\t600 (default)" in shown.splitlines()


def test_limits_of_jobs_and_webhooks_are_set_shown_and_taken_back(run: Run) -> None:
    run("accounts create studio --queued-jobs 8 --running-jobs 3 --webhooks")
    _, shown, _ = run("accounts set studio --running-jobs 4")
    _, none, _ = run("accounts set studio --queued-jobs default --no-webhooks")

    assert shown.splitlines()[6:9] == ["queued jobs\t8", "running jobs\t4", "webhooks\tallowed"]
    assert none.splitlines()[6:9] == [
        "queued jobs\tdefault",
        "running jobs\t4",
        "webhooks\tnot allowed",
    ]


def test_an_account_is_exempt_from_the_guardrail_until_that_is_taken_back(run: Run) -> None:
    run("accounts create studio --guardrail-exempt")
    _, shown, _ = run("accounts set studio --queued-jobs 8")
    _, checked, _ = run("accounts set studio --no-guardrail-exempt")

    assert shown.splitlines()[9:] == ["guardrail\texempt"]
    assert checked.splitlines()[9:] == ["guardrail\tchecked"]


def test_secrets_of_webhooks_are_made_rotated_and_ended(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    key.write_bytes(base64.b64encode(bytes(32)))
    monkeypatch.setenv("TINTYPE_JOBS_KEY_FILE", str(key))
    run("accounts create studio")
    command = "accounts webhook-secrets"

    first, text = run(f"{command} create studio")[1].split()
    second, _ = run(f"{command} create studio --keep-others-for 24h")[1].split()
    listed = run(f"{command} list studio")[1].splitlines()
    assert [line.split("\t")[0] for line in listed] == [first, second]
    assert "\texpires " in listed[0]
    assert listed[1].endswith("\tdoes not expire")
    assert text.startswith("whsec_")
    assert text not in str(listed)

    assert "\texpired " in run(f"{command} expire studio {first} --in 0s")[1]
    assert run(f"{command} delete studio {second}")[0] == 0
    assert len(run(f"{command} list studio")[1].splitlines()) == 1


def test_without_a_key_of_jobs_no_secret_is_made(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINTYPE_JOBS_KEY_FILE", str(tmp_path / "missing"))
    run("accounts create studio")

    code, _, err = run("accounts webhook-secrets create studio")

    assert (code, "the key that encrypts secrets cannot be read" in err) == (1, True)
    assert run("accounts webhook-secrets list studio") == (0, "", "")


def test_a_balance_is_corrected_down_for_a_reason(run: Run) -> None:
    run("accounts create studio --credits 1")

    _, out, _ = run("accounts adjust studio --credits -2.5 --reason typo")
    code, _, err = run("accounts adjust studio --credits 1")

    assert out == "studio\t-1.5 credits\t0 held\n"
    assert (code, "--reason" in err) == (2, True)


def test_keys_are_listed_with_their_ends_and_without_their_secrets(run: Run) -> None:
    run("accounts create studio")
    keys = [
        key_of(run(f"keys create --account studio{end}")[1])
        for end in ("", " --expires-in 90d", "")
    ]
    run(f"keys revoke {keys[2][0]}")

    _, out, _ = run("keys list --account studio")

    ends = dict(re.findall(r"^(key-\S+)\tcreated [^\t]+\t(\w+)", out, re.MULTILINE))
    assert ends == {keys[0][0]: "does", keys[1][0]: "expires", keys[2][0]: "revoked"}
    assert not any(secret in out for _, secret in keys)


def test_a_rotated_key_ends_now_or_after_a_while(run: Run, store: Store) -> None:
    run("accounts create studio")
    first_id, first = key_of(run("keys create --account studio")[1])
    second_id, second = key_of(run(f"keys rotate {first_id}")[1])
    _, third = key_of(run(f"keys rotate {second_id} --keep-old-for 1h")[1])

    assert [refusal_of(store, key) for key in (first, second, third)] == [
        KeyRevokedError,
        None,
        None,
    ]


def test_a_key_expires_at_the_requested_time(run: Run, store: Store) -> None:
    run("accounts create studio")
    _, secret = key_of(run("keys create --account studio --expires-in 0s")[1])

    assert refusal_of(store, secret) is KeyExpiredError


@pytest.mark.parametrize(
    "command",
    [
        "keys create --account studio --expires-in soon",
        "keys rotate key-1 --keep-old-for 1.5h",
        "keys register key-1 --account studio --sha256 short",
        "keys expire key-1",
        "audit show --limit 0",
        "audit show --kind secret",
        "audit forget",
        "accounts create studio --requests-per-minute many",
        "accounts adjust studio --credits some --reason typo",
        "ledger",
    ],
)
def test_what_cannot_be_read_is_explained(run: Run, command: str) -> None:
    code, _, err = run(command)

    assert code == 2
    assert err.startswith("usage: tintype")


def test_a_rate_of_nothing_is_refused_in_one_line(run: Run) -> None:
    code, _, err = run("accounts create studio --images-per-minute 0")

    assert code == 1
    assert err == "tintype accounts: a rate must be 1 to 1000000 a minute, not 0\n"


def test_usage_is_printed_by_what_is_asked_for(run: Run, store: Store) -> None:
    run("accounts create studio --credits 10")

    async def buy() -> None:
        ledger = store.open()
        try:
            hold = await take(ledger, Caller("studio", "key_1"), 2_500_000)
            await ledger.settle(hold, 1_500_000, images=2)
        finally:
            await ledger.close()

    asyncio.run(buy())

    _, text, _ = run("usage --by account,user,key")
    _, as_csv, _ = run("usage --by model --format csv --account studio")
    _, as_json, _ = run("usage --since 2020-01-01 --until 2020-02-01 --format json")

    assert text.splitlines() == [
        "account\tuser\tkey\trequests\timages\tcredits",
        "studio\t-\tkey_1\t1\t2\t1.5",
    ]
    assert as_csv.splitlines() == ["model,requests,images,credits_used", "gpt-image-1,1,2,1500000"]
    assert json.loads(as_json)["data"] == []


def test_a_usage_that_ends_before_it_begins_is_a_wrong_call(run: Run) -> None:
    code, _, err = run("usage --since 2026-02-01 --until 2026-02-01")

    assert code == 2
    assert "must be after `since`" in err


def test_budgets_are_set_shown_and_taken_back(run: Run) -> None:
    run("accounts create studio")

    _, shown, _ = run(
        "accounts set studio --time-zone Europe/Berlin"
        " --budget month=100@50,80 --budget day:xai/canvas=2.5"
    )
    _, moved, _ = run("accounts set studio --time-zone UTC")
    _, none, _ = run("accounts set studio --budget none")

    month, day = shown.splitlines()[10:]
    assert month.startswith("budget of the month\tall models\t0 of 100 credits\tuntil ")
    assert month.endswith(" (Europe/Berlin)\talerts at 50 %, 80 %")
    assert day.startswith("budget of the day\txai/canvas\t0 of 2.5 credits\tuntil ")
    assert [line.rsplit("(", 1)[1] for line in moved.splitlines()[10:]] == [
        "UTC)\talerts at 50 %, 80 %",
        "UTC)",
    ]
    assert len(none.splitlines()) == 10


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        ("--budget year=1", "one of day, week, month"),
        ("--budget month", "WINDOW[:MODEL]=CREDITS"),
        ("--budget month=-1", "at least 0"),
        ("--budget month=1@80,50", "ascending percentages"),
        ("--budget month=1 --budget month=2", "one budget for each window"),
        ("--time-zone Mars/Olympus", "not a time zone"),
    ],
)
def test_a_budget_that_is_none_is_refused(run: Run, flags: str, problem: str) -> None:
    run("accounts create studio")

    code, _, err = run(f"accounts set studio {flags}")

    assert code in (1, 2)
    assert problem in err


def test_an_account_is_put_suspended_resumed_and_released(run: Run) -> None:
    _, out, _ = run(
        "accounts put studio --display-name Studio --owner a-cluster --models b,a --budget day=5"
    )
    assert "display name\tStudio\n" in out
    assert "owner\ta-cluster\n" in out
    assert "models\ta\tb\n" in out
    assert "budget of the day\tall models\t0 of 5 credits" in out

    code, out, err = run("accounts suspend studio")
    assert (code, out) == (0, "studio\t0 credits\t0 held\tsuspended\n")
    assert err == "a-cluster owns it, and may undo this\n"

    assert run("accounts list --owner a-c")[1] == out
    assert run("accounts resume studio")[1] == "studio\t0 credits\t0 held\n"
    assert run("accounts release studio --owner another")[0] == 1
    assert "budget of the day" in run("accounts show studio")[1]
    assert run("accounts release studio --owner a-cluster")[0] == 0
    assert run("accounts list --owner a-c")[1] == ""


def test_a_key_is_registered_and_its_end_is_moved(run: Run, store: Store) -> None:
    secret = "sk-tintype-of-a-cluster"
    sha256 = hashlib.sha256(secret.encode()).hexdigest()
    run("accounts create studio")

    _, out, _ = run(f"keys register key-web --account studio --sha256 {sha256} --owner web")
    assert re.match(r"key-web\tcreated .+\tdoes not expire\n$", out)
    assert refusal_of(store, secret) is None

    run("keys expire key-web --in 0s")
    assert refusal_of(store, secret) is KeyExpiredError
    assert run("keys list --active")[1] == ""

    run("keys expire key-web --never")
    assert run("keys list --owner we --active")[1] == out


def test_a_grant_is_put_once(run: Run) -> None:
    run("accounts create studio")

    first = run("grants put 2026-11 --account studio --credits 2.5")
    assert run("grants put 2026-11 --account studio --credits 2.5") == first
    assert run("grants show 2026-11") == first
    assert re.match(r"2026-11\tstudio\t2.5 credits\tgranted .+ UTC\tposting \S+\n$", first[1])

    code, _, err = run("grants put 2026-11 --account studio --credits 3")
    assert (code, "granted 2500000 micro-credits" in err) == (1, True)
    assert run("accounts list")[1] == "studio\t2.5 credits\t0 held\n"


def test_changes_are_shown_with_the_user_and_the_command(run: Run) -> None:
    run("accounts create studio --credits 5")
    key_id, secret = key_of(run("keys create --account studio")[1])

    _, out, _ = run("audit show")
    _, as_json, _ = run("audit show --kind key --account studio --since 1d --json")

    assert re.fullmatch(
        rf"(.+ UTC\tcommand \S+\taccount studio\tcreate\n)(.+\tgrant\n)"
        rf"(.+\tkey {key_id}\tcreate\n)",
        out,
    )
    change = json.loads(as_json)
    assert change["author"]["details"]["command"] == "tintype keys create"
    assert change["after"]["account"] == "studio"
    assert secret not in out + as_json


def test_the_last_changes_are_shown_and_old_ones_forgotten(run: Run) -> None:
    for name in ("a", "b", "c"):
        run(f"accounts create {name}")

    assert re.findall(r"account (\w)", run("audit show --limit 2")[1]) == ["b", "c"]
    assert run("audit forget --before 1d")[1] == "changes deleted\t0\n"
    assert run("audit forget --before 0s")[1] == "changes deleted\t3\n"
    assert run("audit show")[1] == ""


def test_a_backup_is_written_and_restored_into_another_ledger(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run("accounts create studio --credits 10")
    _, audited, _ = run("ledger audit")

    code, written, _ = run(f"ledger backup --to {tmp_path / 'ledger.gz'}")
    again = run(f"ledger restore {tmp_path / 'ledger.gz'}")
    monkeypatch.setenv("TINTYPE_DATABASE_URL", f"sqlite:///{tmp_path / 'restored.db'}")
    restored = run(f"ledger restore {tmp_path / 'ledger.gz'}")

    assert code == 0
    assert {"account\t1", "posting\t1", f"file\t{tmp_path / 'ledger.gz'}"} <= {
        *written.splitlines()
    }
    assert again[0] == 1
    assert "the ledger is not empty" in again[2]
    assert restored == (0, audited, "")

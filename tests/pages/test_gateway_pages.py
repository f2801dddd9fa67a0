"""The commands for the shell that a gateway with simulated providers serves."""

import json
import re
from pathlib import Path

from PIL import Image

from tests.pages.blocks import claim
from tests.pages.shell import Shell
from tintype_testing.gateway_process import GatewayProcess
from tintype_testing.postgres import PostgresServer

README = claim(__name__, "README.md", "sh", having=".tintype/demo.key")
COMMANDS = claim(__name__, "docs/generate.md", "sh")
ACCOUNTS = claim(__name__, "docs/accounts.md", "sh", having="tintype accounts")
USAGE = claim(__name__, "docs/accounts.md", "sh", having="tintype usage")
BACKUP = claim(__name__, "docs/accounts.md", "sh", having="ledger backup")
AUDIT = claim(__name__, "docs/audit-log.md", "sh")
JOB_KEY = claim(__name__, "docs/operations.md", "sh", having="jobs.key")
SUBMISSION = claim(__name__, "docs/webhooks.md", "sh", having="webhook_url")
SECRETS = claim(__name__, "docs/webhooks.md", "sh", having="webhook-secrets expire")


def saved(*paths: Path) -> list[tuple[int, int]]:
    """The sizes of images, which are read to their ends."""
    sizes = []
    for path in paths:
        with Image.open(path) as image:
            image.load()
            sizes.append(image.size)
    return sizes


def test_the_readme_saves_an_image(shell: Shell, tmp_path: Path) -> None:
    shell.run(README, replaced={".venv/bin/tintype": "tintype"})

    assert saved(tmp_path / "hedgehog.png") == [(1024, 1024)]


def test_images_from_the_command_line_are_saved(shell: Shell, tmp_path: Path) -> None:
    Image.new("RGBA", (1024, 1024)).save(tmp_path / "mask.png")

    generated, edited, job = COMMANDS
    shell.run([generated, edited])
    names = ("hedgehog", "winter", "red", "cut", "variation-1", "variation-2", "variation-3")
    assert saved(*(tmp_path / f"{name}.png" for name in names)) == [(1024, 1024)] * 7

    (tmp_path / "hedgehog.png").unlink()
    shell.run([job])
    assert saved(tmp_path / "hedgehog.png") == [(1024, 1024)]


def test_the_commands_for_accounts_keys_and_credits_run(shell: Shell) -> None:
    newest = '"$(tintype keys list --account team-a | tail -n 1 | cut -f1)"'

    (printed,) = shell.run(ACCOUNTS, replaced={"KEY_ID": newest})

    assert "team-a" in printed
    assert len(re.findall(r"^key-\w+\t\S{40,}$", printed, re.MULTILINE)) == 2  # created, rotated
    (usage,) = shell.run(USAGE)
    assert "account,user,day,requests" in usage


def test_a_ledger_moves_to_postgresql(
    postgres: PostgresServer, shell: Shell, gateway: GatewayProcess
) -> None:
    url = postgres.url(postgres.create_database())

    shell.run(
        BACKUP,
        before="unset TINTYPE_DATABASE_URL",
        replaced={"postgresql://tintype@db.example.com/tintype": url},
    )


def test_the_audit_log_is_read(shell: Shell, gateway: GatewayProcess, tmp_path: Path) -> None:
    (tmp_path / "lines.json").write_text("".join(lines(gateway)))
    by_command, of_file = AUDIT

    shell.run([by_command, of_file], before="tintype accounts create team-b")


def lines(gateway: GatewayProcess) -> list[str]:
    """The lines of JSON on the standard output of the gateway."""
    return [line for line in gateway.stdout.splitlines(keepends=True) if line.startswith("{")]


def test_the_key_of_jobs_is_one(shell: Shell, tmp_path: Path) -> None:
    shell.run(JOB_KEY)


def test_a_job_is_submitted_with_a_webhook(shell: Shell) -> None:
    before = """
        tintype accounts create team-w --credits 100
        tintype accounts set team-w --webhooks
        tintype accounts webhook-secrets create team-w
        KEY=$(tintype keys create --account team-w | cut -f2)
        TINTYPE=$TINTYPE_BASE_URL
    """

    (job,) = shell.run(SUBMISSION, before=before)

    assert json.loads(job[job.index("{") :])["status"] == "queued"


def test_the_secrets_of_webhooks_are_kept(shell: Shell) -> None:
    newest = '"$(tintype accounts webhook-secrets list team-s | tail -n 1 | cut -f1)"'

    shell.run(
        SECRETS,
        before="tintype accounts create team-s",
        replaced={" ID": f" {newest}", "team-a": "team-s"},
    )

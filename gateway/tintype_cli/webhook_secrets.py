"""`tintype accounts webhook-secrets`: the secrets that sign the webhooks of an account's jobs."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime

from tintype_cli.arguments import add_lifetime, add_new_end, duration, end_of
from tintype_cli.flags import read_settings
from tintype_cli.help import LEDGER_CODES, CommandParser, command_parser
from tintype_cli.ledger_work import run_subcommand, time_of
from tintype_gateway.jobs.sealing import Sealing, open_sealing
from tintype_gateway.jobs.webhook_secrets import WebhookSecrets
from tintype_gateway.ledger.interface import Author, Ledger
from tintype_gateway.ledger.webhook_secrets import WebhookSecret
from tintype_gateway.settings import GatewaySettings

PROGRAM = "tintype accounts webhook-secrets"


def main(argv: Sequence[str]) -> int:
    """Create, list, end or delete secrets of webhooks."""
    arguments = build_parser().parse_args(argv)
    works = {"create": _create, "list": _list, "expire": _expire, "delete": _delete}
    return run_subcommand(PROGRAM, works, arguments)


async def _create(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    kept = arguments.keep_others_for
    made, text = await WebhookSecrets(ledger, _sealing()).create(
        arguments.account,
        expires_at=end_of(arguments.expires_in),
        keep_others_for_seconds=None if kept is None else kept.total_seconds(),
        author=author,
    )
    print(f"{made.id}\t{text}")


async def _list(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    for secret in await ledger.webhook_secrets(arguments.account):
        print(_line(secret))


async def _expire(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    end = end_of(arguments.expires_in)
    changed = await ledger.set_webhook_secret_expiry(
        arguments.account, arguments.id, end, author=author
    )
    print(_line(changed))


async def _delete(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    await ledger.delete_webhook_secret(arguments.account, arguments.id, author=author)


def _sealing() -> Sealing:
    """Return the sealing with the key of the settings.

    Raises:
        ValueError: There is no key, or it cannot be read.
    """
    settings = read_settings(GatewaySettings, PROGRAM, {}, [])
    path = settings.job_key_file
    if path is None:
        raise ValueError("TINTYPE_JOBS_KEY_FILE must name the key that encrypts secrets")
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        return open_sealing(path, make=settings.jobs_key_file is None)
    except OSError as error:
        raise ValueError(f"the key that encrypts secrets cannot be read: {error}") from error


def _line(secret: WebhookSecret) -> str:
    end = secret.expires_at
    if end is None:
        state = "does not expire"
    else:
        state = f"{'expires' if end > datetime.now(UTC) else 'expired'} {time_of(end)}"
    return f"{secret.id}\tcreated {time_of(secret.created_at)}\t{state}"


def build_parser() -> CommandParser:
    """Return the parser of the command."""
    parser, commands = command_parser(
        PROGRAM,
        "Work with the secrets that sign the webhooks of an account's jobs, in the ledger that "
        "TINTYPE_DATABASE_URL names. They are encrypted with the key of TINTYPE_JOBS_KEY_FILE.",
        example=f"{PROGRAM} create team-a\n{PROGRAM} list team-a",
        exit_codes=LEDGER_CODES,
    )
    create = commands.add(
        "create",
        "make a secret; it is shown only once",
        example=f"{PROGRAM} create team-a --keep-others-for 24h",
    )
    create.add_argument(
        "--keep-others-for",
        type=duration,
        metavar="TIME",
        help="end the other secrets of the account then, such as 24h; by default they stay",
    )
    add_lifetime(create, "it")
    listing = commands.add(
        "list", "list the secrets of an account, oldest first", example=f"{PROGRAM} list team-a"
    )
    expire = commands.add(
        "expire",
        "move the end of a secret",
        example=f"{PROGRAM} expire team-a whs-0123 --in 24h",
    )
    add_new_end(expire)
    delete = commands.add(
        "delete", "delete a secret now", example=f"{PROGRAM} delete team-a whs-0123"
    )
    for command in (create, listing, expire, delete):
        command.add_argument("account", help="the name of the account")
    for command in (expire, delete):
        command.add_argument("id", help="the id of the secret")
    return parser

"""`tintype keys`: the API keys of accounts."""

import argparse
import re
from collections.abc import Sequence
from datetime import timedelta

from tintype_cli.arguments import add_lifetime, add_new_end, duration, end_of
from tintype_cli.help import LEDGER_CODES, CommandParser, Commands, command_parser
from tintype_cli.ledger_work import line_of_key, run_subcommand
from tintype_gateway.ledger.interface import Author, Ledger


def main(argv: Sequence[str]) -> int:
    """Create, register, list, end, rotate or revoke API keys."""
    arguments = build_parser().parse_args(argv)
    works = {
        "create": _create,
        "register": _register,
        "list": _list,
        "expire": _expire,
        "rotate": _rotate,
        "revoke": _revoke,
    }
    return run_subcommand("tintype keys", works, arguments)


async def _create(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    key, secret = await ledger.create_key(
        arguments.account, expires_at=end_of(arguments.expires_in), author=author
    )
    print(f"{key.id}\t{secret}")


async def _register(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    key, _ = await ledger.put_key(
        arguments.id,
        arguments.account,
        arguments.sha256,
        end_of(arguments.expires_in),
        owner=arguments.owner,
        name=arguments.name,
        author=author,
    )
    print(line_of_key(key))


async def _list(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    keys = await ledger.list_keys(arguments.account, owner=arguments.owner, active=arguments.active)
    for key in keys:
        print(line_of_key(key))


async def _expire(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    end = end_of(arguments.expires_in)
    print(line_of_key(await ledger.set_key_expiry(arguments.id, end, author=author)))


async def _rotate(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    key, secret = await ledger.rotate_key(
        arguments.id,
        keep_old_for_seconds=arguments.keep_old_for.total_seconds(),
        expires_at=end_of(arguments.expires_in),
        author=author,
    )
    print(f"{key.id}\t{secret}")


async def _revoke(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    await ledger.revoke_key(arguments.id, author=author)


def build_parser() -> CommandParser:
    """Return the parser of the command."""
    parser, commands = command_parser(
        "tintype keys",
        "Work with the API keys in the ledger that TINTYPE_DATABASE_URL names.",
        example="tintype keys create --account team-a\ntintype keys list --account team-a",
        exit_codes=LEDGER_CODES,
    )
    _add_new(commands)
    _add_list(commands)
    _add_ends(commands)
    return parser


def _add_new(commands: Commands) -> None:
    create = commands.add(
        "create",
        "create a key; it is shown only once",
        example="tintype keys create --account team-a --expires-in 90d",
    )
    register = commands.add(
        "register",
        "register a key that something else has generated; again it changes nothing",
        example="tintype keys register key-web --account team-a --sha256 $SHA256",
    )
    register.add_argument(
        "--sha256", type=_sha256, required=True, help="the SHA-256 of the key, in hexadecimal"
    )
    register.add_argument("--owner", help="what the key belongs to")
    register.add_argument("--name", help="a name for people")
    _add_id(register)
    for command in (create, register):
        command.add_argument("--account", required=True, help="the account that pays")
        add_lifetime(command, "the key")


def _add_list(commands: Commands) -> None:
    listing = commands.add(
        "list",
        "list keys, those of an account or of an owner, or all",
        example="tintype keys list --account team-a --active",
    )
    listing.add_argument("--account", help="the account that pays")
    listing.add_argument("--owner", metavar="TEXT", help="the beginning of the owner")
    listing.add_argument(
        "--active", action="store_true", help="leave out keys that have expired or were revoked"
    )


def _add_ends(commands: Commands) -> None:
    expire = commands.add(
        "expire",
        "move the end of a key",
        example="tintype keys expire KEY_ID --in 24h",
    )
    add_new_end(expire)
    rotate = commands.add(
        "rotate",
        "replace a key; the new one is shown only once",
        example="tintype keys rotate KEY_ID --keep-old-for 24h",
    )
    rotate.add_argument(
        "--keep-old-for",
        type=duration,
        default=timedelta(),
        metavar="TIME",
        help="how long the old key stays valid, such as 24h; by default it is revoked now",
    )
    add_lifetime(rotate, "the key")
    revoke = commands.add("revoke", "revoke a key now", example="tintype keys revoke KEY_ID")
    for command in (expire, rotate, revoke):
        _add_id(command)


def _add_id(command: CommandParser) -> None:
    command.add_argument("id", help="the id of the key")


def _sha256(text: str) -> bytes:
    if re.fullmatch("[0-9a-fA-F]{64}", text) is None:
        raise argparse.ArgumentTypeError("must have 64 hexadecimal digits")
    return bytes.fromhex(text)

"""`tintype webhooks`: the outbox of webhooks."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tintype_cli.arguments import up_to
from tintype_cli.help import LEDGER_CODES, CommandParser, command_parser
from tintype_cli.ledger_work import with_ledger
from tintype_gateway.ledger.interface import Ledger
from tintype_gateway.ledger.outbox import MAX_PAGE, WEBHOOK_STATES, WebhookDelivery
from tintype_gateway.webhooks.events import trial


def main(argv: Sequence[str]) -> int:
    """List webhooks, send one again, or try the receiver."""
    arguments = build_parser().parse_args(argv)

    async def work(ledger: Ledger) -> None:
        match arguments.command:
            case "list":
                for delivery in await ledger.webhooks(arguments.state, limit=arguments.limit):
                    print(_line(delivery))
            case "resend":
                print(_line(await ledger.redeliver_webhook(arguments.id)))
            case "test":
                message = trial(datetime.now(UTC))
                await ledger.add_webhooks([message])
                print(message.id)

    return with_ledger("tintype webhooks", work)


def _line(delivery: WebhookDelivery) -> str:
    match delivery.state:
        case "pending":
            when = f"next attempt {delivery.due_at:%Y-%m-%d %H:%M:%S} UTC"
        case state:
            when = f"{state} {delivery.finished_at:%Y-%m-%d %H:%M:%S} UTC"
    parts = [delivery.message.id, delivery.message.type, delivery.state]
    parts += [f"{delivery.attempts} attempts", when, delivery.error or ""]
    return "\t".join(parts).rstrip()


def build_parser() -> CommandParser:
    """Return the parser of the command."""
    parser, commands = command_parser(
        "tintype webhooks",
        "Work with the outbox of webhooks in the ledger that TINTYPE_DATABASE_URL names. The "
        "gateways send what is in it.",
        example="tintype webhooks test\ntintype webhooks list --state failed",
        exit_codes=LEDGER_CODES,
    )
    listing = commands.add(
        "list", "list webhooks, newest first", example="tintype webhooks list --state failed"
    )
    listing.add_argument("--state", choices=WEBHOOK_STATES, help="only those in this state")
    listing.add_argument(
        "--limit",
        type=up_to(MAX_PAGE),
        default=100,
        metavar="N",
        help=f"how many, at most {MAX_PAGE}; by default 100",
    )
    resend = commands.add(
        "resend",
        "send a webhook again, whatever became of it",
        example="tintype webhooks resend msg_0123",
    )
    resend.add_argument("id", help="the id of the webhook")
    commands.add("test", "send a webhook of the type webhook.test", example="tintype webhooks test")
    return parser

"""`tintype generate`: requests images from a gateway and saves them."""

from collections.abc import Sequence

from tintype_cli.help import CommandParser, texts
from tintype_cli.http_client import JsonBody
from tintype_cli.image_request import EXIT_CODES, add_flags, ask_for_images, request_fields

HELP = texts(
    "Request images from a gateway and save them. TINTYPE_API_KEY is the key of the account that "
    "pays.",
    example='tintype generate "A sleepy hedgehog" -m gpt-image-1 -o hedgehog.png',
    exit_codes=EXIT_CODES,
)


def main(argv: Sequence[str]) -> int:
    """Request and save the images, and return the exit code."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    fields = request_fields(arguments) | {"prompt": arguments.prompt}
    return ask_for_images(parser, arguments, "/v1/images/generations", JsonBody(fields))


def build_parser() -> CommandParser:
    """Return the parser of the command."""
    parser = CommandParser(prog="tintype generate", **HELP)
    parser.add_argument("prompt", help="what the image should show")
    add_flags(parser, {"prompt": "it is the first argument"})
    return parser

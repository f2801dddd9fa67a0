"""`tintype vary`: requests images that are like another one, and saves them."""

from collections.abc import Sequence
from pathlib import Path

from tintype_cli.form import Form, form_texts
from tintype_cli.help import CommandParser, texts
from tintype_cli.image_request import EXIT_CODES, add_flags, ask_for_images, opened, request_fields

HELP = texts(
    "Request images that are like another one, and save them. TINTYPE_API_KEY is the key of the "
    "account that pays.",
    example="tintype vary hedgehog.png -m gpt-image-2 -n 3 -o variation.png",
    exit_codes=EXIT_CODES,
)

_RESERVED = {"image": "it is the first argument", "prompt": "variations have none"}


def main(argv: Sequence[str]) -> int:
    """Send the image, save the results, and return the exit code."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    with opened(parser, [("image", arguments.image)]) as files:
        form = Form(tuple(form_texts(request_fields(arguments))), files)
        return ask_for_images(parser, arguments, "/v1/images/variations", form)


def build_parser() -> CommandParser:
    """Return the parser of the command."""
    parser = CommandParser(prog="tintype vary", **HELP)
    parser.add_argument("image", type=Path, metavar="IMAGE", help="the file of the image")
    add_flags(parser, _RESERVED)
    return parser

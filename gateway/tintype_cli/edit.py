"""`tintype edit`: sends images to a gateway that changes them, and saves the results."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from tintype_cli.form import Form, form_texts
from tintype_cli.help import CommandParser, texts
from tintype_cli.image_files import FORMATS
from tintype_cli.image_request import (
    EXIT_CODES,
    add_flags,
    ask_for_images,
    opened,
    request_fields,
)

HELP = texts(
    "Change images, as a prompt and a mask say, and save the results. TINTYPE_API_KEY is the key "
    "of the account that pays.",
    example='tintype edit room.jpg "a blue sofa" --mask mask.png -m gpt-image-2 -o new.png\n'
    "tintype edit cat.jpg -m stability.stable-image-remove-background-v1:0 -o cat.png",
    exit_codes=EXIT_CODES,
)

_IMAGE_SUFFIXES = frozenset({*FORMATS, ".avif", ".heic", ".heif"})
"""Endings that a prompt does not have, so that a misspelt file is not taken for one."""

_RESERVED = {
    "prompt": "it is the last argument",
    "image": "images are the first arguments",
    "image[]": "images are the first arguments",
    "images": "images are the first arguments",
    "mask": "use --mask",
}


def main(argv: Sequence[str]) -> int:
    """Send the images, save the results, and return the exit code."""
    parser = build_parser()
    arguments = parser.parse_intermixed_args(argv)
    paths, prompt = _images_and_prompt(parser, arguments.inputs)
    name = "image" if len(paths) == 1 else "image[]"
    sent = [(name, path) for path in paths]
    if arguments.mask:
        sent.append(("mask", arguments.mask))
    fields = request_fields(arguments) | {"prompt": prompt}
    with opened(parser, sent) as files:
        form = Form(tuple(form_texts(fields)), files)
        return ask_for_images(parser, arguments, "/v1/images/edits", form)


def _images_and_prompt(
    parser: argparse.ArgumentParser, inputs: Sequence[str]
) -> tuple[list[Path], str | None]:
    """Return the files, and the prompt: the last argument, unless it names a file."""
    *others, last = inputs
    is_file = Path(last).is_file() or Path(last).suffix.lower() in _IMAGE_SUFFIXES
    if is_file or not others:
        return [Path(name) for name in inputs], None
    return [Path(name) for name in others], last


def build_parser() -> CommandParser:
    """Return the parser of the command."""
    parser = CommandParser(
        prog="tintype edit", usage="tintype edit IMAGE [IMAGE ...] [PROMPT] [options]", **HELP
    )
    add = parser.add_argument
    add(
        "inputs",
        nargs="+",
        metavar="IMAGE",
        help="the files of the images, the one to change first; then the prompt, which some "
        "models need: a last argument that is not a file",
    )
    add(
        "--mask",
        type=Path,
        metavar="FILE",
        help="an image of the size of the first one, which changes where the mask is transparent",
    )
    add_flags(parser, _RESERVED)
    return parser

"""`tintype generate`: requests images from a gateway and saves them."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tintype_cli.help import WRONG_CALL, texts
from tintype_cli.images_client import (
    Adjusted,
    ApiError,
    Client,
    FinalImage,
    Partial,
    UnreachableError,
)
from tintype_cli.progress import Progress

HELP = texts(
    "Request images from a gateway and save them. TINTYPE_API_KEY is the key of the account that "
    "pays.",
    example='tintype generate "A sleepy hedgehog" -m gpt-image-1 -o hedgehog.png',
    exit_codes={
        0: "all images are saved",
        1: "the request failed, or not all of its images were returned or saved",
        2: WRONG_CALL,
        3: "the gateway is unreachable",
        130: "SIGINT interrupted it",
    },
)

DEFAULT_URL = "http://127.0.0.1:8080"

FORMATS = {
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".webp": "webp",
    ".gif": "gif",
    ".svg": "svg",
}
"""The format for the suffix of a file's name."""

_RESERVED = {
    "model": "use -m",
    "prompt": "it is the first argument",
    "n": "use -n",
    "stream": "the response is always a stream",
    "response_format": "images are saved as files",
}
"""Fields of the request that `--parameter` cannot set, and why."""


def main(argv: Sequence[str]) -> int:
    """Request and save the images, and return the exit code."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    key = os.environ.get("TINTYPE_API_KEY")
    if not key:
        parser.error("set TINTYPE_API_KEY to the key of the account that pays")
    if not arguments.format and arguments.output.suffix.lower() not in FORMATS:
        parser.error(f"{arguments.output} ends with none of {', '.join(FORMATS)}: add --format")
    paths = _paths(arguments.output, arguments.n)
    taken = [str(path) for path in paths if path.exists()]
    if taken and not arguments.force:
        parser.error(f"these files exist: {', '.join(taken)}. Use another -o, or --force")
    if not paths[0].parent.is_dir():
        parser.error(f"{paths[0].parent} is not a folder")
    try:
        return _generate(Client(arguments.url, key), _body(arguments), paths)
    except UnreachableError as error:
        print(f"tintype generate: {arguments.url}: {error}", file=sys.stderr)
        return 3
    except (ApiError, OSError) as error:
        print(f"tintype generate: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _generate(client: Client, body: dict[str, Any], paths: Sequence[Path]) -> int:
    """Save each image when it arrives, so that a later error does not lose charged images."""
    saved = 0
    with Progress(len(paths)) as progress:
        for event in client.generate(body):
            match event:
                case Adjusted():
                    progress.note(f"adjusted: {event.changes}")
                case Partial():
                    progress.show(f"preview {event.step} of image {saved + 1}")
                case FinalImage(refused=True, reason=reason):
                    cause = f": {reason}" if reason else ""
                    progress.note(f"the provider withheld an image, which was not charged{cause}")
                case FinalImage():
                    paths[saved].write_bytes(event.content)
                    progress.note(f"{paths[saved]}  {event.properties}")
                    saved += 1
    return 0 if saved == len(paths) else 1


def _paths(output: Path, count: int) -> list[Path]:
    """Return the files of the images: FILE, or FILE-1, FILE-2, ... before its suffix."""
    if count == 1:
        return [output]
    return [output.with_stem(f"{output.stem}-{number}") for number in range(1, count + 1)]


def _body(arguments: argparse.Namespace) -> dict[str, Any]:
    named = {
        "size": arguments.size,
        "quality": arguments.quality,
        "output_format": arguments.format or FORMATS[arguments.output.suffix.lower()],
        "seed": arguments.seed,
    }
    asked = {name: value for name, value in named.items() if value is not None}
    own = {"model": arguments.model, "prompt": arguments.prompt, "n": arguments.n}
    return own | asked | dict(arguments.parameter)


def _parameter(text: str) -> tuple[str, Any]:
    """Parse `name=value`; the value may be JSON, otherwise it is a string."""
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not name=value")
    if name in _RESERVED:
        raise argparse.ArgumentTypeError(f"{name} cannot be set: {_RESERVED[name]}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tintype generate", **HELP)
    add = parser.add_argument
    add("prompt", help="what the image should show")
    add("-m", "--model", required=True, help="the id of the model; `bedrock/ID` forces a provider")
    add("-o", "--output", type=Path, required=True, metavar="FILE", help="the file of the image")
    add(
        "-n",
        type=int,
        choices=range(1, 11),
        default=1,
        metavar="COUNT",
        help="the number of images, 1 to 10; several are written to FILE-1, FILE-2, ...",
    )
    add("--size", metavar="WxH", help="the size in pixels, or `auto`")
    add("--quality", help="the quality, such as `low` or `high`")
    add(
        "--format",
        choices=sorted(set(FORMATS.values())),
        help="default: the format of FILE's suffix",
    )
    add("--seed", type=int, help="the seed, which makes an image repeatable")
    add(
        *("-p", "--parameter"),
        type=_parameter,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other field of the request; VALUE may be JSON",
    )
    add("--force", action="store_true", help="overwrite existing files")
    add(
        "--url",
        default=os.environ.get("TINTYPE_BASE_URL", DEFAULT_URL),
        help=f"the URL of the gateway; default: TINTYPE_BASE_URL or {DEFAULT_URL}",
    )
    return parser

"""What the commands that request images share: their flags, and the files that they write."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from tintype_cli.form import FileChangedError
from tintype_cli.help import WRONG_CALL
from tintype_cli.images_client import (
    Adjusted,
    ApiError,
    Body,
    Client,
    FinalImage,
    Partial,
    UnreachableError,
)
from tintype_cli.progress import Progress

EXIT_CODES = {
    0: "all images are saved",
    1: "the request failed, or not all of its images were returned or saved",
    2: WRONG_CALL,
    3: "the gateway is unreachable",
    130: "SIGINT interrupted it",
}

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

RESERVED = {
    "model": "use -m",
    "n": "use -n",
    "stream": "the response is always a stream",
    "response_format": "images are saved as files",
}
"""Fields of the request that `--parameter` cannot set, and why."""


def add_flags(parser: argparse.ArgumentParser, reserved: Mapping[str, str]) -> None:
    """Add the flags of all these commands.

    `reserved` are the fields beside `RESERVED` that `--parameter` cannot set, and why.
    """
    add = parser.add_argument
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
        type=partial(_parameter, {**RESERVED, **reserved}),
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other field of the request; VALUE may be JSON",
    )
    add(
        "--handling",
        choices=("strict", "lenient"),
        help="strict: refuse what would be adjusted; lenient: also make sent images smaller that "
        "are too large for the model",
    )
    add("--force", action="store_true", help="overwrite existing files")
    add(
        "--url",
        default=os.environ.get("TINTYPE_BASE_URL", DEFAULT_URL),
        help=f"the URL of the gateway; default: TINTYPE_BASE_URL or {DEFAULT_URL}",
    )


def _parameter(reserved: Mapping[str, str], text: str) -> tuple[str, Any]:
    """Parse `name=value`; the value may be JSON, otherwise it is a string."""
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not name=value")
    if name in reserved:
        raise argparse.ArgumentTypeError(f"{name} cannot be set: {reserved[name]}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def request_fields(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of a request for a stream of images, from the flags."""
    suffix = arguments.output.suffix.lower()
    named = {
        "size": arguments.size,
        "quality": arguments.quality,
        "output_format": arguments.format or FORMATS.get(suffix),
        "seed": arguments.seed,
    }
    asked = {name: value for name, value in named.items() if value is not None}
    own = {"model": arguments.model, "n": arguments.n}
    fixed = {"stream": True, "response_format": "b64_json"}
    return own | asked | dict(arguments.parameter) | fixed


@contextmanager
def opened(
    parser: argparse.ArgumentParser, files: Sequence[tuple[str, Path]]
) -> Iterator[list[tuple[str, BinaryIO]]]:
    """Open files for reading, each with its field of the form. The parser reports an error."""
    with ExitStack() as stack:
        opened: list[tuple[str, BinaryIO]] = []
        for name, path in files:
            try:
                opened.append((name, stack.enter_context(path.open("rb"))))
            except OSError as error:
                parser.error(f"cannot read {path}: {error.strerror}")
        yield opened


def save_images(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace, path: str, body: Body
) -> int:
    """Request the images, save them, and return the exit code. The parser reports wrong arguments.

    `path` is that of the operation, such as `/v1/images/edits`.
    """
    key = os.environ.get("TINTYPE_API_KEY")
    if not key:
        parser.error("set TINTYPE_API_KEY to the key of the account that pays")
    outputs = _checked_outputs(parser, arguments)
    headers = {"Prefer": f"handling={arguments.handling}"} if arguments.handling else {}
    try:
        return _save(Client(arguments.url, key).images(path, body, headers), outputs)
    except UnreachableError as error:
        print(f"{parser.prog}: {arguments.url}: {error}", file=sys.stderr)
        return 3
    except (ApiError, FileChangedError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _checked_outputs(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace
) -> Sequence[Path]:
    """Return the files to write. The parser reports those that cannot be written."""
    output: Path = arguments.output
    if not arguments.format and output.suffix.lower() not in FORMATS:
        parser.error(f"{output} ends with none of {', '.join(FORMATS)}: add --format")
    paths = _numbered(output, arguments.n)
    taken = [str(path) for path in paths if path.exists()]
    if taken and not arguments.force:
        parser.error(f"these files exist: {', '.join(taken)}. Use another -o, or --force")
    if not output.parent.is_dir():
        parser.error(f"{output.parent} is not a folder")
    return paths


def _numbered(output: Path, count: int) -> list[Path]:
    """Return the files of the images: FILE, or FILE-1, FILE-2, ... before its suffix."""
    if count == 1:
        return [output]
    return [output.with_stem(f"{output.stem}-{number}") for number in range(1, count + 1)]


def _save(arriving: Iterator[Adjusted | Partial | FinalImage], paths: Sequence[Path]) -> int:
    """Save each image when it arrives, so that a later error does not lose charged images."""
    saved = 0
    with Progress(len(paths)) as progress:
        for event in arriving:
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

"""What the commands that request images share: their flags, and the files that they write."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from tintype_cli.gateway_access import add_url, ask_gateway
from tintype_cli.help import WRONG_CALL
from tintype_cli.http_client import Body, Gateway
from tintype_cli.image_files import FORMATS, add_force, checked_files, save_images
from tintype_cli.images_client import request_images
from tintype_cli.jobs_client import submit
from tintype_cli.progress import Progress
from tintype_cli.waiting import wait_for

EXIT_CODES = {
    0: "all images are saved, or the job is accepted",
    1: "the request failed, or not all of its images were returned or saved",
    2: WRONG_CALL,
    3: "the gateway is unreachable",
    130: "SIGINT interrupted it",
}

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
    add("-o", "--output", type=Path, metavar="FILE", help="the file of the image")
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
    add_force(parser)
    add(
        "--background",
        action="store_true",
        help="let the gateway make the images as a job, and print its id; `tintype jobs` goes on "
        "from there",
    )
    add(
        "--wait",
        action="store_true",
        help="with --background: wait for the job, and save its images; it goes on if that is "
        "interrupted",
    )
    add(
        "--webhook-url",
        metavar="URL",
        help="with --background: the receiver to tell once the job has ended",
    )
    add_url(parser)


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
    suffix = arguments.output.suffix.lower() if arguments.output else ""
    named = {
        "size": arguments.size,
        "quality": arguments.quality,
        "output_format": arguments.format or FORMATS.get(suffix),
        "seed": arguments.seed,
        "webhook_url": arguments.webhook_url,
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


def ask_for_images(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace, path: str, body: Body
) -> int:
    """Request the images, save them, and return the exit code. The parser reports wrong arguments.

    `path` is that of the operation, such as `/v1/images/edits`.
    """
    paths = _outputs(parser, arguments)

    def work(gateway: Gateway) -> int:
        if arguments.background:
            return _submit(parser.prog, gateway, arguments, path, body, paths)
        return _request(gateway, arguments, path, body, paths)

    return ask_gateway(parser, arguments.url, work)


def _outputs(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> Sequence[Path]:
    """Return the files to write. The parser reports those that cannot be written."""
    for flag, given in (("--wait", arguments.wait), ("--webhook-url", arguments.webhook_url)):
        if given and not arguments.background:
            parser.error(f"{flag} goes with --background")
    output: Path | None = arguments.output
    if arguments.background and not arguments.wait:
        if output is not None:
            parser.error("-o goes with --wait, or with `tintype jobs wait`")
        return ()
    if output is None:
        parser.error("the following arguments are required: -o/--output")
    if not arguments.format and output.suffix.lower() not in FORMATS:
        parser.error(f"{output} ends with none of {', '.join(FORMATS)}: add --format")
    return checked_files(parser, output, arguments.n, force=arguments.force)


def _request(
    gateway: Gateway,
    arguments: argparse.Namespace,
    path: str,
    body: Body,
    paths: Sequence[Path],
) -> int:
    headers = {"Prefer": f"handling={arguments.handling}"} if arguments.handling else {}
    count = len(paths)
    with Progress("waiting for the provider" if count == 1 else f"waiting for {count}") as progress:
        saved = save_images(request_images(gateway, path, body, headers), paths, progress)
    return 0 if saved == count else 1


def _submit(
    program: str,
    gateway: Gateway,
    arguments: argparse.Namespace,
    path: str,
    body: Body,
    paths: Sequence[Path],
) -> int:
    job, changes = submit(gateway, path, body, arguments.handling)
    if changes:
        print(f"adjusted: {changes}", file=sys.stderr)
    print(job["id"], flush=True)
    return wait_for(program, gateway, job, paths) if arguments.wait else 0

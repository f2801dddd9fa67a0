"""`tintype jobs`: the jobs of an account, by the API of a gateway."""

import argparse
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tintype_cli import jobs_client
from tintype_cli.arguments import up_to
from tintype_cli.gateway_access import NOT_YET, add_url, ask_gateway
from tintype_cli.help import WRONG_CALL, CommandParser, Commands, command_parser
from tintype_cli.http_client import Gateway, error_text
from tintype_cli.image_files import add_force, checked_files
from tintype_cli.images_client import in_credits
from tintype_cli.jobs_client import STATUSES, Job
from tintype_cli.waiting import wait_for

EXIT_CODES = {
    0: "success; of `wait`: the job is completed, and its images are saved",
    1: "the gateway refused the request, the job ended otherwise, or not all of its images are "
    "saved",
    2: WRONG_CALL,
    NOT_YET: "the gateway is unreachable, or the job has not ended in the time of `wait --timeout`",
    130: "SIGINT interrupted it; a job goes on",
}

MOST_JOBS = 100
"""The jobs of a page of the API."""

Work = Callable[[argparse.ArgumentParser, Gateway, argparse.Namespace], int]


def main(argv: Sequence[str]) -> int:
    """List, show, cancel or await jobs, and return the exit code."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    own, work = parser.commands[arguments.command], WORKS[arguments.command]
    return ask_gateway(
        own, arguments.url, lambda gateway: work(own, gateway, arguments), "has the jobs"
    )


def build_parser() -> CommandParser:
    """Return the parser of the command."""
    parser, commands = command_parser(
        "tintype jobs",
        "Work with the jobs of an account: requests that a gateway carries out in the background. "
        "TINTYPE_API_KEY is a key of the account.",
        example="tintype jobs list --status queued\ntintype jobs wait job_0123 -o hedgehog.png",
        exit_codes=EXIT_CODES,
    )
    _add_list(commands)
    _add_one(commands, "show", "show a job")
    _add_one(commands, "cancel", "cancel a job that has not ended")
    _add_wait(commands)
    return parser


def _list(_: argparse.ArgumentParser, gateway: Gateway, arguments: argparse.Namespace) -> int:
    page = jobs_client.jobs_of(gateway, arguments.limit, arguments.status, arguments.after)
    if arguments.json:
        print(json.dumps(page, indent=2))
    else:
        for job in page["data"]:
            print(*_line(job), sep="\t")
    return 0


def _show(_: argparse.ArgumentParser, gateway: Gateway, arguments: argparse.Namespace) -> int:
    return _print(jobs_client.job_of(gateway, arguments.id), arguments)


def _cancel(_: argparse.ArgumentParser, gateway: Gateway, arguments: argparse.Namespace) -> int:
    return _print(jobs_client.cancel(gateway, arguments.id), arguments)


def _wait(parser: argparse.ArgumentParser, gateway: Gateway, arguments: argparse.Namespace) -> int:
    job = jobs_client.job_of(gateway, arguments.id)
    paths: Sequence[Path] = ()
    if arguments.output is not None:
        count = job["request"]["n"]
        paths = checked_files(parser, arguments.output, count, force=arguments.force)
    seconds, as_json = arguments.timeout, arguments.json
    return wait_for(parser.prog, gateway, job, paths, seconds=seconds, as_json=as_json)


WORKS: Mapping[str, Work] = {"list": _list, "show": _show, "cancel": _cancel, "wait": _wait}


def _print(job: Job, arguments: argparse.Namespace) -> int:
    if arguments.json:
        print(json.dumps(job, indent=2))
    else:
        for name, value in _facts(job):
            print(name, value, sep="\t")
    return 0


def _line(job: Job) -> Iterator[str]:
    yield job["id"]
    yield _status(job)
    yield job["request"]["model"]
    yield _moment(job["created_at"])
    if job["usage"] is not None:
        yield in_credits(job["usage"]["credits_used"])


def _facts(job: Job) -> Iterator[tuple[str, str]]:
    request = job["request"]
    yield "id", job["id"]
    yield "status", _status(job)
    yield "operation", request["operation"]
    yield "model", request["model"]
    yield "images", str(request["n"])
    for name in ("created", "started", "finished", "expires"):
        if (moment := job[f"{name}_at"]) is not None:
            yield name, _moment(moment)
    if (usage := job["usage"]) is not None:
        yield "cost", in_credits(usage["credits_used"])
    if (error := job["error"]) is not None:
        yield "error", error_text(error)
    if (webhook := job["webhook"]) is not None:
        yield "webhook", _webhook(webhook)


def _webhook(webhook: Mapping[str, Any]) -> str:
    parts = [webhook["state"], webhook["host"], webhook["last_error"]]
    return ", ".join(part for part in parts if part)


def _status(job: Job) -> str:
    is_ending = job["cancel_requested"] and not jobs_client.has_ended(job)
    return f"{job['status']}, being cancelled" if is_ending else str(job["status"])


def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _add_list(commands: Commands) -> None:
    parser = commands.add(
        "list", "list jobs, newest first", example="tintype jobs list --status failed"
    )
    parser.add_argument("--status", choices=STATUSES, help="only those in this state")
    parser.add_argument(
        "--limit",
        type=up_to(MOST_JOBS),
        default=20,
        metavar="N",
        help=f"how many, at most {MOST_JOBS}; by default 20",
    )
    parser.add_argument(
        "--after", type=_job_id, metavar="ID", help="only those that are older than this one"
    )
    _common(parser)


def _add_one(commands: Commands, name: str, summary: str) -> None:
    parser = commands.add(name, summary, example=f"tintype jobs {name} job_0123")
    parser.add_argument("id", type=_job_id, metavar="ID", help="the id of the job")
    _common(parser)


def _add_wait(commands: Commands) -> None:
    parser = commands.add(
        "wait",
        "wait for the end of a job, and save its images",
        example="tintype jobs wait job_0123 -o hedgehog.png",
    )
    parser.add_argument("id", type=_job_id, metavar="ID", help="the id of the job")
    parser.add_argument(
        *("-o", "--output"),
        type=Path,
        metavar="FILE",
        help="the file of the image; several are written to FILE-1, FILE-2, ... Without it, none "
        "is saved",
    )
    add_force(parser)
    parser.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="how long to wait; by default without a limit",
    )
    _common(parser)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print what the API returns")
    add_url(parser)


def _job_id(text: str) -> str:
    if not re.fullmatch(r"job_[0-9A-Za-z]+", text):
        raise argparse.ArgumentTypeError("must be the id of a job, such as job_0123")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("must be a number of seconds") from error
    if not 0 < seconds < 10**9:
        raise argparse.ArgumentTypeError("must be a number of seconds above 0")
    return seconds

"""Waits for a job, and saves its images while they come."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tintype_cli.gateway_access import NOT_YET
from tintype_cli.http_client import Gateway, error_text
from tintype_cli.image_files import save_images
from tintype_cli.images_client import FinalImage, Partial
from tintype_cli.jobs_client import Job, TimedOutError, follow, job_of
from tintype_cli.progress import Progress


def wait_for(
    program: str,
    gateway: Gateway,
    job: Job,
    paths: Sequence[Path],
    *,
    seconds: float | None = None,
    as_json: bool = False,
) -> int:
    """Follow a job to its end, and return the exit code.

    Args:
        program: The name of the command, for messages.
        gateway: The gateway to ask.
        job: The job.
        paths: The files of its images; none, if they are not wanted.
        seconds: The longest time to wait.
        as_json: Whether to print the job once it has ended.

    Raises:
        ApiError, UnreachableError: As `jobs_client.follow`.
    """
    try:
        with Progress("waiting for the job") as progress:
            arriving = follow(gateway, job, seconds)
            saved = save_images(arriving if paths else _told(arriving, progress), paths, progress)
    except TimedOutError:
        print(f"{program}: {job['id']} has not ended yet", file=sys.stderr)
        return NOT_YET
    except KeyboardInterrupt:
        print(f"{program}: {job['id']} goes on", file=sys.stderr)
        raise
    ended = job_of(gateway, job["id"])
    if as_json:
        print(json.dumps(ended, indent=2))
    if ended["status"] != "completed":
        print(f"{program}: {_reason(ended)}", file=sys.stderr)
        return 1
    return 0 if saved == len(paths) else 1


def _told(
    arriving: Iterator[Partial | FinalImage], progress: Progress
) -> Iterator[Partial | FinalImage]:
    """Yield what is no image to be saved, and tell of those that have come."""
    for event in arriving:
        if isinstance(event, FinalImage) and not event.refused:
            progress.note(f"an image  {event.properties}")
        else:
            yield event


def _reason(job: Job) -> str:
    error = job.get("error")
    status = str(job["status"]).replace("_", " ")
    return f"{job['id']} {status}: {error_text(error)}" if error else f"{job['id']} {status}"

"""`--background` and `tintype jobs` against a real gateway."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typing_extensions import override

from tests.cli.running import Run, commands_for, opened
from tintype_cli.http_client import ApiError, Gateway
from tintype_cli.images_client import FinalImage, Partial
from tintype_cli.jobs_client import TimedOutError, follow
from tintype_testing.sample_images import drawn
from tintype_testing.silent_provider import gateway_without_response

FAST = ("-m", "imagen-4.0-fast-generate-001")


def submitted(run: Run, *arguments: str) -> str:
    """Submit a job, and return its id."""
    ended = run("generate", *arguments, "--background")
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr
    job = ended.stdout.strip()
    assert re.fullmatch(r"job_[0-9a-z]+", job)
    return job


def fields(text: str) -> dict[str, str]:
    """Return the lines of `tintype jobs show`."""
    return dict(line.split("\t") for line in text.splitlines())


def test_a_job_is_submitted_awaited_and_saved(run_command: Run, tmp_path: Path) -> None:
    job = submitted(run_command, "a hedgehog", *FAST)

    ended = run_command("jobs", "wait", job, "-o", "hedgehog.png")

    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    assert ended.stderr == "hedgehog.png  1024x1024, 0.32 credits\n"
    assert opened(tmp_path / "hedgehog.png") == ("PNG", (1024, 1024))


def test_an_edit_is_submitted_and_awaited_in_one(run_command: Run, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(drawn("png", 320, 256))

    ended = run_command(
        *("edit", "photo.png", "a door", "-m", "gpt-image-1-mini", "-o", "new.png"),
        *("--background", "--wait"),
    )

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("job_")
    assert ended.stderr.startswith("new.png  ")
    assert opened(tmp_path / "new.png")[0] == "PNG"


def test_the_images_of_a_job_can_be_saved_again_and_are_numbered(
    run_command: Run, tmp_path: Path
) -> None:
    job = submitted(run_command, "a hedgehog", *FAST, "-n", "2")
    assert run_command("jobs", "wait", job).returncode == 0
    (tmp_path / "b-2.png").write_text("precious")

    refused = run_command("jobs", "wait", job, "-o", "b.png")
    ended = run_command("jobs", "wait", job, "-o", "a.png")

    assert refused.returncode == 2
    assert "these files exist: b-2.png" in refused.stderr
    assert ended.returncode == 0, ended.stderr
    assert sorted(path.name for path in tmp_path.glob("a*")) == ["a-1.png", "a-2.png"]


def test_a_job_is_shown_and_listed(run_command: Run) -> None:
    job = submitted(run_command, "a hedgehog", *FAST)
    done = run_command("jobs", "wait", job, "--json")

    shown = fields(run_command("jobs", "show", job).stdout)
    listed = run_command("jobs", "list", "--status", "completed", "--limit", "1")

    assert json.loads(done.stdout)["status"] == "completed"
    assert (shown["id"], shown["status"], shown["cost"]) == (job, "completed", "0.32 credits")
    assert (shown["model"], shown["images"]) == (FAST[1], "1")
    line = listed.stdout.strip().split("\t")
    assert (*line[:3], line[4]) == (job, "completed", FAST[1], "0.32 credits")
    page = json.loads(run_command("jobs", "list", "--json").stdout)
    assert page["data"][0]["id"] == job
    assert "hedgehog" not in str(page)


def test_a_running_job_is_not_awaited_longer_than_asked_and_is_cancelled(tmp_path: Path) -> None:
    with gateway_without_response(tmp_path) as gateway:
        run_command = commands_for(gateway, tmp_path)
        job = submitted(run_command, "a hedgehog", "-m", "canvas")

        early = run_command("jobs", "wait", job, "--timeout", "0.2")
        cancelled = run_command("jobs", "cancel", job)
        late = run_command("jobs", "wait", job)

    assert (early.returncode, early.stderr) == (
        3,
        f"tintype jobs wait: {job} has not ended yet\n",
    )
    assert cancelled.returncode == 0
    assert re.match(r"in_progress, being cancelled|cancelled", fields(cancelled.stdout)["status"])
    assert (late.returncode, late.stderr.splitlines()[-1]) == (
        1,
        f"tintype jobs wait: {job} cancelled",
    )


def test_the_cause_of_a_failure_is_told(run_command: Run) -> None:
    job = submitted(run_command, "a forbidden fox", "-m", "gpt-image-1")

    ended = run_command("jobs", "wait", job, "-o", "a.png")

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"tintype jobs wait: {job} failed: ")
    assert "(moderation_blocked)" in ended.stderr


def test_an_unknown_job_is_refused(run_command: Run) -> None:
    ended = run_command("jobs", "show", f"job_{'0' * 32}")

    assert ended.returncode == 1
    assert "job_not_found" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--background", "-o", "a.png"), "-o goes with --wait"),
        (("--wait", "-o", "a.png"), "--wait goes with --background"),
        (("--webhook-url", "https://x.example", "-o", "a.png"), "--webhook-url goes with"),
        ((), "required: -o/--output"),
        (("--background", "--wait"), "required: -o/--output"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(
    run_command: Run, arguments: tuple[str, ...], message: str
) -> None:
    ended = run_command("generate", "a hedgehog", *FAST, *arguments)

    assert ended.returncode == 2
    assert message in ended.stderr


def test_a_webhook_is_asked_for(run_command: Run) -> None:
    url = ("--webhook-url", "https://app.example.com/hook")

    ended = run_command("generate", "a hedgehog", *FAST, "--background", *url)

    assert ended.returncode == 1
    assert "webhooks_not_allowed" in ended.stderr


PREVIEW = {"type": "image_generation.partial_image", "partial_image_index": 0}
IMAGE = {"type": "image_generation.completed", "b64_json": "aGk=", "seed": 1}


def told(number: int, data: dict[str, Any]) -> str:
    return f"id: {number}\ndata: {json.dumps(data)}\n\n"


class Cut(BaseHTTPRequestHandler):
    """A gateway whose events break off in the second one, as behind a proxy that is restarted."""

    asked: list[str | None] = []

    def do_GET(self) -> None:
        after = self.headers["Last-Event-ID"]
        text = json.dumps({"status": "completed"})
        if self.path.endswith("/events"):
            Cut.asked.append(after)
            text = {None: told(1, PREVIEW) + "id: 2\ndata: {", "1": told(2, IMAGE)}.get(after, "")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    @override
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[Gateway]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Gateway(f"http://127.0.0.1:{server.server_port}", "key")
        server.shutdown()


def test_events_that_break_off_go_on_after_the_last_one() -> None:
    Cut.asked.clear()
    with serving(Cut) as gateway:
        found = list(follow(gateway, {"id": "job_1"}, None))

    assert found == [Partial(1), FinalImage(b"hi", "seed 1")]
    assert Cut.asked == [None, "1", "2"]


class Restarting(Cut):
    """A gateway behind a proxy that refuses every third request."""

    requests = 0

    @override
    def do_GET(self) -> None:
        Restarting.requests += 1
        if Restarting.requests % 3 == 1:
            self.send_error((429, 502, 503, 504)[Restarting.requests // 3 % 4])
        else:
            super().do_GET()


def test_a_gateway_that_is_overloaded_or_restarts_is_asked_again() -> None:
    Cut.asked.clear()
    with serving(Restarting) as gateway:
        found = list(follow(gateway, {"id": "job_1"}, None))

    assert found == [Partial(1), FinalImage(b"hi", "seed 1")]


class Refusing(Cut):
    """A gateway that refuses every request."""

    @override
    def do_GET(self) -> None:
        self.send_error(403)


def test_a_refusal_ends_the_wait() -> None:
    with serving(Refusing) as gateway, pytest.raises(ApiError, match="403"):
        list(follow(gateway, {"id": "job_1"}, None))


def test_a_gateway_that_is_away_is_not_awaited_longer_than_asked() -> None:
    with pytest.raises(TimedOutError):
        list(follow(Gateway("http://127.0.0.1:1", "key"), {"id": "job_1"}, 0.3))


class Shown(BaseHTTPRequestHandler):
    """A gateway that has one job."""

    job = {
        "id": "job_1",
        "status": "in_progress",
        "cancel_requested": True,
        "request": {"operation": "image_edit", "model": "canvas", "n": 2},
        "created_at": 1764411270,
        "started_at": 1764411271,
        "finished_at": None,
        "expires_at": None,
        "usage": None,
        "error": None,
        "webhook": {"state": "pending", "host": "app.example.com", "last_error": "status 503"},
    }

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(self.job).encode())

    @override
    def log_message(self, *_: Any) -> None:
        pass


def test_a_job_is_shown_with_its_times_and_its_webhook(run_command: Run) -> None:
    with serving(Shown) as gateway:
        shown = fields(run_command("jobs", "show", "job_1", "--url", gateway.url).stdout)

    assert shown == {
        "id": "job_1",
        "status": "in_progress, being cancelled",
        "operation": "image_edit",
        "model": "canvas",
        "images": "2",
        "created": "2025-11-29 10:14:30 UTC",
        "started": "2025-11-29 10:14:31 UTC",
        "webhook": "pending, app.example.com, status 503",
    }

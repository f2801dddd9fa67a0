"""`tintype generate` against a real gateway."""

import os
import pty
import re
import socket
import subprocess
import threading
from functools import partial
from pathlib import Path

import httpx2
import pytest

from tests.cli.running import TINTYPE, Run, opened
from tintype_cli.images_client import FinalImage, Partial, events, parse_events
from tintype_cli.progress import BLANK_LINE
from tintype_testing.gateway_process import GatewayProcess, clean_environ
from tintype_testing.http import read_request

FAST = ("-m", "imagen-4.0-fast-generate-001")


def image_requests(gateway: GatewayProcess) -> list[str]:
    """Return the samples that count the requests for images."""
    lines = httpx2.get(f"{gateway.admin_url}/metrics", timeout=120).text.splitlines()
    path = 'route="/v1/images/generations"'
    counted = [line for line in lines if line.startswith("tintype_http_requests_total{")]
    return [line for line in counted if path in line]


@pytest.fixture
def run(run_command: Run) -> Run:
    """`tintype generate` in an empty folder, with the key of the demo account."""
    return partial(run_command, "generate")


def test_it_saves_an_image_and_prints_its_cost(run: Run, tmp_path: Path) -> None:
    ended = run("a hedgehog", *FAST, "-o", "hedgehog.png")

    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr == "hedgehog.png  1024x1024, 0.32 credits\n"
    assert opened(tmp_path / "hedgehog.png") == ("PNG", (1024, 1024))


def test_every_flag_is_sent_in_the_request(run: Run, tmp_path: Path) -> None:
    model = ("-m", "stability.sd3-5-large-v1:0")
    flags = ("--size", "1344x768", "--seed", "7", "-p", "negative_prompt=rain")

    ended = run("a hedgehog", *model, *flags, "-o", "hedgehog.webp")

    assert "seed 7" in ended.stderr
    assert opened(tmp_path / "hedgehog.webp") == ("WEBP", (1344, 768))


def test_the_flag_for_the_format_takes_precedence_over_the_file_name(
    run: Run, tmp_path: Path
) -> None:
    assert run("a hedgehog", *FAST, "-o", "a.jpg").returncode == 0
    assert run("a hedgehog", *FAST, "-o", "b.png", "--format", "jpeg").returncode == 0

    assert {opened(tmp_path / name)[0] for name in ("a.jpg", "b.png")} == {"JPEG"}


def test_a_drawing_is_saved(run: Run, tmp_path: Path) -> None:
    ended = run("a hedgehog", "-m", "gpt-image-2.6-flare", "-o", "hedgehog.svg")

    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "hedgehog.svg").read_bytes().startswith(b"<svg")


def test_several_images_are_numbered(run: Run, tmp_path: Path) -> None:
    ended = run("a hedgehog", *FAST, "-n", "3", "-o", "hedgehog.png")

    assert ended.returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "hedgehog-1.png",
        "hedgehog-2.png",
        "hedgehog-3.png",
    ]


def test_an_existing_file_is_kept_and_no_image_is_requested(
    run: Run, gateway: GatewayProcess, tmp_path: Path
) -> None:
    (tmp_path / "hedgehog-2.png").write_text("precious")
    before = image_requests(gateway)

    ended = run("a hedgehog", *FAST, "-n", "2", "-o", "hedgehog.png")

    assert ended.returncode == 2
    assert "these files exist: hedgehog-2.png" in ended.stderr
    assert (tmp_path / "hedgehog-2.png").read_text() == "precious"
    assert image_requests(gateway) == before
    assert run("a hedgehog", *FAST, "-n", "2", "-o", "hedgehog.png", "--force").returncode == 0
    assert opened(tmp_path / "hedgehog-2.png")[0] == "PNG"


@pytest.mark.parametrize(
    ("arguments", "environ", "code", "message"),
    [
        (("fox", *FAST, "-o", "a.png"), {"TINTYPE_API_KEY": "sk-wrong"}, 1, "invalid_api_key"),
        (("fox", *FAST, "-o", "a.png"), {"TINTYPE_API_KEY": ""}, 2, "TINTYPE_API_KEY"),
        (("fox", "-m", "nothing", "-o", "a.png"), {}, 1, "model_not_found"),
        (("a forbidden fox", "-m", "gpt-image-1", "-o", "a.png"), {}, 1, "moderation_blocked"),
        (("fox", *FAST, "-o", "a.png", "-p", "qualty=low"), {}, 1, "qualty"),
        (("fox", *FAST, "-o", "a.png", "-p", "quality"), {}, 2, "name=value"),
        (("fox", *FAST, "-o", "a.png", "-n", "11"), {}, 2, "-n"),
        (("fox", *FAST, "-o", "a.png", "-p", "n=3"), {}, 2, "use -n"),
        (("fox", *FAST, "-o", "a.bmp"), {}, 2, "a.bmp ends with none of .png, .jpg"),
        (("fox", *FAST, "-o", "-"), {}, 2, "add --format"),
        (("fox", *FAST, "-o", "nowhere/a.png"), {}, 2, "nowhere is not a folder"),
        (("fox", *FAST, "-o", "a.png", "--url", "ftp://host"), {}, 1, "not the address"),
    ],
)
def test_wrong_arguments_are_explained(
    run: Run,
    tmp_path: Path,
    arguments: tuple[str, ...],
    environ: dict[str, str],
    code: int,
    message: str,
) -> None:
    ended = run(*arguments, **environ)

    assert ended.returncode == code
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_adjusted_fields_are_printed(run: Run) -> None:
    ended = run("a hedgehog", *FAST, "-p", "style=vivid", "-o", "a.PNG")

    assert ended.stderr.splitlines() == [
        "adjusted: style=stripped",
        "a.PNG  1024x1024, 0.32 credits",
    ]


def test_a_withheld_image_is_reported_and_the_others_are_saved(run: Run, tmp_path: Path) -> None:
    model = ("-m", "amazon.titan-image-generator-v2:0")

    ended = run("a half-flagged hedgehog", *model, "-n", "2", "-o", "hedgehog.png")

    assert ended.returncode == 1
    assert "withheld" in ended.stderr
    assert "have been blocked by our content filters" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["hedgehog-1.png"]


def test_an_unreachable_gateway_is_reported(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        ended = run("a hedgehog", *FAST, "-o", "a.png", "--url", url)

    assert ended.returncode == 3
    assert ended.stderr == f"tintype generate: {url}: [Errno 111] Connection refused\n"


def test_a_truncated_response_is_reported(run: Run, tmp_path: Path) -> None:
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99\r\n\r\ndata: {"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        responding = threading.Thread(target=respond_once, args=(server, head))
        responding.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        ended = run("a hedgehog", *FAST, "-o", "a.png", "--url", url)
        responding.join()

    assert ended.returncode == 3
    assert "ended" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def respond_once(server: socket.socket, response: bytes) -> None:
    """Read one request, send the bytes, and close the connection."""
    connection, _ = server.accept()
    with connection:
        read_request(connection)
        connection.sendall(response)


def test_a_terminal_shows_one_line_that_is_updated(gateway: GatewayProcess, tmp_path: Path) -> None:
    model = ("-m", "gpt-image-2", "--size", "2048x2048", "-p", "partial_images=2")
    ours, theirs = pty.openpty()
    key = {"TINTYPE_API_KEY": gateway.demo_key, "TINTYPE_BASE_URL": gateway.url}
    with subprocess.Popen(
        [*TINTYPE, "generate", "a hedgehog", *model, "-o", "a.png"],
        cwd=tmp_path,
        env=clean_environ() | key,
        stderr=theirs,
    ) as command:
        os.close(theirs)
        shown = b"".join(iter(lambda: read(ours), b"")).decode()
    os.close(ours)

    assert command.returncode == 0
    assert BLANK_LINE in shown
    assert "waiting for the provider" in shown
    left = re.sub(r"[^\n]*\r\x1b\[K", "", shown).splitlines()
    assert [line.split("  ")[0] for line in left] == ["a.png"]


def read(terminal: int) -> bytes:
    """Return what was written to a terminal, an empty text once it is closed."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def test_previews_are_distinguished_from_images() -> None:
    stream = (
        b": ping\n\n"
        b'event: x\ndata: {"type": "image_generation.partial_image", "partial_image_index": 0}\n\n'
        b'data: {"type": "image_generation.completed", "b64_json": "aGk=", "seed": 0}\r\n\r\n'
        b'data: {"type": "image_generation.completed"'
    )

    assert list(parse_events(events(stream.splitlines(keepends=True)))) == [
        Partial(1),
        FinalImage(b"hi", "seed 0"),
    ]

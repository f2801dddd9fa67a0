"""`tintype edit` and `tintype vary` against a real gateway."""

import asyncio
import re
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.running import Run, opened
from tests.simulator.edited import changed, is_box, photo
from tintype_testing.certificates import self_signed
from tintype_testing.gateway_process import GatewayProcess, clean_environ

BOX = (40, 50, 150, 200)
INPAINT = ("-m", "stability.stable-image-inpaint-v1:0")
ERASE = ("-m", "stability.stable-image-erase-object-v1:0")
TRANSFER = ("-m", "stability.stable-style-transfer-v1:0")
MINI = ("-m", "gpt-image-1-mini")
PHOTO = photo((320, 256))


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    """A photo, another one, and a mask with a transparent box."""
    PHOTO.save(tmp_path / "photo.png")
    Image.new("RGB", (96, 64), "red").save(tmp_path / "red.jpg")
    mask = Image.new("RGBA", PHOTO.size, "black")
    mask.paste((0, 0, 0, 0), BOX)
    mask.save(tmp_path / "mask.png")


def test_an_edit_changes_what_the_mask_leaves_transparent(run_command: Run, tmp_path: Path) -> None:
    ended = run_command(
        "edit", "photo.png", "a door", "--mask", "mask.png", *INPAINT, "-o", "a.png"
    )

    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    assert re.fullmatch(r"a\.png  320x256, 1\.12 credits, seed \d+\n", ended.stderr)
    assert is_box(changed(PHOTO, Image.open(tmp_path / "a.png")), BOX)


def test_a_model_that_needs_no_prompt_is_asked_without_one(
    run_command: Run, tmp_path: Path
) -> None:
    ended = run_command("edit", "photo.png", "--mask", "mask.png", *ERASE, "-o", "a.png")

    assert ended.returncode == 0, ended.stderr
    assert "adjusted" not in ended.stderr
    assert is_box(changed(PHOTO, Image.open(tmp_path / "a.png")), BOX)


def test_several_images_are_sent_in_their_order(run_command: Run, tmp_path: Path) -> None:
    assert run_command("edit", "photo.png", "red.jpg", *TRANSFER, "-o", "a.png").returncode == 0
    assert run_command("edit", "red.jpg", "photo.png", *TRANSFER, "-o", "b.png").returncode == 0

    assert opened(tmp_path / "a.png") == ("PNG", PHOTO.size)
    assert opened(tmp_path / "b.png") == ("PNG", (96, 64))


def test_arguments_may_follow_flags(run_command: Run, tmp_path: Path) -> None:
    ended = run_command("edit", *TRANSFER, "photo.png", "-o", "a.webp", "red.jpg", "an old oil")

    assert ended.returncode == 0, ended.stderr
    assert opened(tmp_path / "a.webp") == ("WEBP", PHOTO.size)


def test_every_flag_is_sent_with_an_edit(run_command: Run, tmp_path: Path) -> None:
    model = ("-m", "bedrock/stability.stable-outpaint-v1:0")
    flags = ("--size", "400x300", "--seed", "7", "-p", "creativity=0.25", "-n", "2")

    ended = run_command("edit", "photo.png", "a meadow", *model, *flags, "-o", "a.jpg")

    assert ended.returncode == 0, ended.stderr
    assert "seed 7" in ended.stderr
    assert opened(tmp_path / "a-1.jpg") == opened(tmp_path / "a-2.jpg") == ("JPEG", (400, 300))


def test_objects_are_sent_as_fields_of_the_form(run_command: Run) -> None:
    thinking = 'thinkingConfig={"includeThoughts": true}'
    model = ("-m", "gemini-3.1-flash-image")

    ended = run_command("edit", "photo.png", "blue", *model, "-p", thinking, "-o", "a.png")

    assert ended.returncode == 0, ended.stderr


def test_a_variation_is_made_without_a_prompt(run_command: Run, tmp_path: Path) -> None:
    ended = run_command("vary", "photo.png", *MINI, "--quality", "low", "-n", "2", "-o", "a.png")

    assert ended.returncode == 0, ended.stderr
    assert sorted(path.name for path in tmp_path.glob("a*")) == ["a-1.png", "a-2.png"]


def test_a_large_image_is_made_smaller_only_when_asked_to(run_command: Run, tmp_path: Path) -> None:
    photo((1600, 64)).save(tmp_path / "wide.png")
    call = ("edit", "wide.png", "-m", "stability.stable-fast-upscale-v1:0", "-o", "a.png")

    refused = run_command(*call)
    assert refused.returncode == 1
    assert "`image` is 1600x64 pixels" in refused.stderr

    ended = run_command(*call, "--handling", "lenient")
    assert ended.returncode == 0, ended.stderr
    assert "adjusted: image=1600x64->1536x61" in ended.stderr


def test_strict_handling_refuses_adjustments(run_command: Run) -> None:
    call = ("edit", "photo.png", "a fox", "--mask", "mask.png", *ERASE, "-o", "a.png")

    ended = run_command(*call, "--handling", "strict")

    assert ended.returncode == 1
    assert "prompt" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("edit", "photo.png", "x", *MINI, "-o", "a.bmp"), 2, "a.bmp ends with none of .png, .jpg"),
        (("edit", "photo.png", "phtoo.png", *MINI, "-o", "a.png"), 2, "cannot read phtoo.png: No"),
        (("edit", "a fox", *MINI, "-o", "a.png"), 2, "cannot read a fox: No such file"),
        (("edit", ".", *MINI, "-o", "a.png"), 2, "cannot read .: Is a directory"),
        (("edit", "photo.png", "x", "--mask", "no.png", *MINI, "-o", "a.png"), 2, "read no.png"),
        (("edit", "photo.png", "x", *MINI, "-o", "a.png", "-p", "mask=m.png"), 2, "use --mask"),
        (("edit", "photo.png", "x", *MINI, "-o", "a.png", "-p", "prompt=y"), 2, "last argument"),
        (("edit", "photo.png", *MINI, "-o", "a.png"), 1, "`prompt`: the model"),
        (("edit", "photo.png", "x", "-m", "dall-e-3", "-o", "a.png"), 1, "dall-e-3"),
        (("edit", "photo.png", "x", *MINI, "-o", "a.png", "-p", "qualty=low"), 1, "qualty"),
        (("vary", "no.png", *MINI, "-o", "a.png"), 2, "cannot read no.png"),
        (("vary", "photo.png", *MINI, "-o", "a.png", "-p", "prompt=y"), 2, "variations have none"),
        (("vary", "photo.png", *ERASE, "-o", "a.png"), 1, "unsupported_operation"),
    ],
)
def test_wrong_arguments_of_an_edit_are_explained(
    run_command: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    ended = run_command(*arguments)

    assert ended.returncode == code
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "a.png").exists()


def test_an_image_is_never_whole_in_memory(gateway: GatewayProcess, tmp_path: Path) -> None:
    """Linux counts the peak of a process's resident memory from its start."""
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(50 * 1024**2)
    program = (
        "import sys; from tintype_cli.__main__ import main; main(sys.argv[1:]);"
        "print(open('/proc/self/status').read())"
    )

    def peak_kib(image: str) -> int:
        call = ("edit", image, "x", "-m", "no-such-model", "-o", "a.png")
        ended = subprocess.run(
            [sys.executable, "-c", program, *call, "--url", gateway.url],
            cwd=tmp_path,
            env=clean_environ() | {"TINTYPE_API_KEY": gateway.demo_key},
            capture_output=True,
            text=True,
            check=True,
            timeout=240,
        )
        assert "model_not_found" in ended.stderr
        (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", ended.stdout)
        return int(peak)

    assert peak_kib("large.png") - peak_kib("photo.png") < 8 * 1024


def test_a_refusal_is_read_that_comes_before_the_whole_image_is_sent(
    run_command: Run, tmp_path: Path
) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(1100 * 1024**2)  # sparse

    ended = run_command("edit", "huge.png", "x", *MINI, "-o", "a.png")

    assert ended.returncode == 1
    assert "payload_too_large" in ended.stderr


def test_an_image_is_sent_by_https(run_command: Run, tmp_path: Path) -> None:
    received = []

    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_error(503)

    context = asyncio.run(self_signed(tmp_path, "-addext subjectAltName=IP:127.0.0.1"))
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        serving = threading.Thread(target=server.handle_request)
        serving.start()
        ended = run_command(
            *("edit", "photo.png", "x", *MINI, "-o", "a.png"),
            *("--url", f"https://127.0.0.1:{server.server_port}"),
            SSL_CERT_FILE=str(tmp_path / "certificate.pem"),
        )
        serving.join()

    assert (ended.returncode, ended.stderr) == (1, "tintype edit: the server responded with 503\n")
    assert (tmp_path / "photo.png").read_bytes() in received[0]


def test_a_gateway_that_hangs_up_is_reported_as_unreachable(run_command: Run) -> None:
    def hang_up(server: socket.socket) -> None:
        connection, _ = server.accept()
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        hanging_up = threading.Thread(target=hang_up, args=(server,))
        hanging_up.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        ended = run_command("edit", "photo.png", "x", *MINI, "-o", "a.png", "--url", url)
        hanging_up.join()

    assert ended.returncode == 3
    assert "Traceback" not in ended.stderr

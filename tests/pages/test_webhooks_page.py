"""The messages of docs/webhooks.md, as a receiver gets them from a gateway."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from tests.pages.blocks import Block, claim
from tests.pages.conftest import ADMIN_TOKEN
from tests.pages.shell import Shell
from tests.pages.test_documents import difference
from tintype_testing.cluster.processes import free_ports
from tintype_testing.gateway_process import running_process
from tintype_testing.waiting import eventually_blocking

START = claim(__name__, "docs/webhooks.md", "sh", having="TINTYPE_WEBHOOK_URL")
BUDGET, AUDIT, JOB = claim(__name__, "docs/webhooks.md", "json")

Messages = list[dict[str, Any]]


@contextmanager
def receiving() -> Iterator[tuple[str, Messages]]:
    """Run a receiver, and yield its URL with the messages that it has got."""
    messages: Messages = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        @override
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", messages
        server.shutdown()


def like(messages: Messages, shown: dict[str, Any]) -> dict[str, Any]:
    """Wait for a message of the same type, and about the same kind of change."""
    alike = [shown["type"], *map(shown["data"].get, ("action", "kind"))]

    def look() -> dict[str, Any]:
        for each in list(messages):
            if [each["type"], *map(each["data"].get, ("action", "kind"))] == alike:
                return each
        return {}

    return eventually_blocking(look, str(alike))


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory, path: Path) -> Iterator[Messages]:
    """What a receiver gets of the page's commands, of an account that nears its budget, and of
    its job."""
    folder = tmp_path_factory.mktemp("webhooks")
    (folder / "webhook-secrets").write_text("whsec_" + "A" * 43 + "=\n")
    with receiving() as (url, messages):
        settings = {
            "TINTYPE_WEBHOOK_URL": url,
            "TINTYPE_WEBHOOK_SECRETS_FILE": "webhook-secrets",
            "TINTYPE_WEBHOOK_AUDIT": "true",
            "TINTYPE_ADMIN_TOKEN": ADMIN_TOKEN,
        }
        with running_process(folder, "--simulate", "--demo", environ=settings) as gateway:
            spend = SPEND.format(
                url=gateway.url, receiver=url, admin=gateway.admin_url, token=ADMIN_TOKEN
            )
            Shell(folder, [path], settings).run([Block("tests", 0, "sh", spend)])
            yield messages


SPEND = """
tintype accounts create studio --credits 100
tintype accounts set studio --webhooks --budget month=1@1
tintype accounts webhook-secrets create studio
key=$(tintype keys create --account studio | cut -f2)
curl -sSf {url}/v1/images/generations -H "Authorization: Bearer $key" \\
  -H "Content-Type: application/json" -H "Prefer: respond-async" \\
  -d '{{"model": "gpt-image-1", "prompt": "a fox", "quality": "low", "webhook_url": "{receiver}"}}'
curl -sSf -X DELETE -H "Authorization: Bearer {token}" \\
  "{admin}/admin/v1/keys/$(tintype keys list --account studio | cut -f1)"
"""


@pytest.mark.parametrize("block", [BUDGET, AUDIT, JOB], ids=str)
def test_a_message_has_the_fields_that_the_page_shows(block: Block, messages: Messages) -> None:
    shown = json.loads(block.code)

    real = like(messages, shown)

    assert difference(shown, real) == set()


def test_the_commands_send_a_message(path: Path, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    ready = f"until curl -sf http://127.0.0.1:{port}/readyz; do sleep 0.1; done"
    with receiving() as (url, messages):
        printed = Shell(tmp_path, [path]).run(
            START,
            replaced={
                "https://hooks.example.com/tintype": url,
                "tintype gateway ...": "tintype gateway --simulate --demo --port 0 "
                f"--admin-port {port} & {ready}",
                "tintype webhooks list": "until grep -q delivered list; do "
                "tintype webhooks list | tee list; done",
            },
        )

    assert [each["type"] for each in messages] == ["webhook.test"]
    assert "webhook.test" in printed[0]

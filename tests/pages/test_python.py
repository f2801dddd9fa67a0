"""The Python of the pages, with OpenAI's SDK and a gateway."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from tests.pages.blocks import claim
from tests.pages.shell import Shell
from tintype_testing.gateway_process import GatewayProcess

API = claim(__name__, "docs/api.md", "python")
(TOKEN,) = claim(__name__, "docs/accounts.md", "python")
(RECEIVER,) = claim(__name__, "docs/webhooks.md", "python")

CLIENT = """
import base64, os, pathlib
from openai import OpenAI

client = OpenAI(
    base_url=os.environ["TINTYPE_BASE_URL"] + "/v1", api_key=os.environ["TINTYPE_API_KEY"]
)
"""
"""The client of docs/get-started.md, with the imports of its examples."""


def test_the_api_page_edits_streams_checks_a_charge_and_waits_for_a_job(
    shell: Shell, tmp_path: Path
) -> None:
    for name in ("room.jpg", "sofa.png"):
        Image.new("RGB", (1024, 1024), "brown").save(tmp_path / name)
    Image.new("RGBA", (1024, 1024)).save(tmp_path / "mask.png")
    ends = "\nassert job['status'] == 'completed', job\nprint('all')"

    printed = shell.python(CLIENT + "".join(block.code for block in API) + ends)

    assert printed == "all\n"
    with Image.open(tmp_path / "fox.png") as image:
        image.load()


def test_a_client_reads_its_token_from_a_file_for_each_request(
    shell: Shell, tmp_path: Path, gateway: GatewayProcess
) -> None:
    (tmp_path / "token").write_text(gateway.demo_key)
    code = TOKEN.code.replace("/var/run/secrets/tintype/token", str(tmp_path / "token"))
    code = code.replace("http://tintype:8080", gateway.url)

    shell.python(f"{CLIENT}{code}\nassert list(client.models.list())")


def test_the_receiver_of_webhooks_takes_a_message_once(tmp_path: Path) -> None:
    secret, handled = "whsec_" + b64encode(bytes(32)).decode(), list[object]()
    receiver: dict[str, Any] = {
        "secret": secret,
        "is_new": lambda _: not handled,
        "handle": handled.append,
    }
    exec(RECEIVER.code, receiver)  # noqa: S102 - it is ours
    body, now = json.dumps({"type": "webhook.test", "data": {}}), datetime.now(UTC)
    signature = Webhook(secret).sign("msg_1", now, body)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }

    assert [receiver["receive"](headers, body) for _ in range(2)] == [204, 204]
    assert handled == [json.loads(body)]
    with pytest.raises(WebhookVerificationError):
        receiver["receive"](headers, body.replace("test", "tent"))

"""What is signed is accepted by the library of Standard Webhooks, and nothing else is."""

import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tintype_gateway.webhooks.signature import FORM, parse_secret, signed_headers

BYTES = st.binary(min_size=24, max_size=64)


def secret(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


@given(BYTES, st.dictionaries(st.text(max_size=9), st.text(max_size=99), max_size=3))
def test_a_secret_is_the_key_of_the_specification(key: bytes, data: dict[str, str]) -> None:
    body = json.dumps(data).encode()
    headers = signed_headers([parse_secret(secret(key))], "msg_1", int(time.time()), body)

    assert Webhook(secret(key)).verify(body, headers) == data


@given(BYTES, BYTES)
def test_a_receiver_accepts_either_secret_during_a_rotation(old: bytes, new: bytes) -> None:
    body = b'{"type": "webhook.test"}'
    headers = signed_headers([new, old], "msg_1", int(time.time()), body)

    for key in (old, new):
        assert Webhook(secret(key)).verify(body, headers) == {"type": "webhook.test"}


@pytest.mark.parametrize(
    "changed", [{"webhook-id": "msg_2"}, {"webhook-timestamp": str(int(time.time()) - 1)}]
)
def test_id_and_time_are_signed(changed: dict[str, str]) -> None:
    key = bytes(range(32))
    headers = signed_headers([key], "msg_1", int(time.time()), b"{}") | changed

    with pytest.raises(WebhookVerificationError):
        Webhook(secret(key)).verify(b"{}", headers)


def test_the_body_is_signed() -> None:
    key = bytes(range(32))
    headers = signed_headers([key], "msg_1", int(time.time()), b"{}")

    with pytest.raises(WebhookVerificationError):
        Webhook(secret(key)).verify(b"{ }", headers)


@pytest.mark.parametrize(
    "text",
    [
        *("", "whsec_", "sk-" + "a" * 40, base64.b64encode(bytes(32)).decode()),
        *(secret(bytes(23)), secret(bytes(65)), "whsec_" + "*" * 44, "whsec_aaaaa", "whsec_é"),
        "whsec_" + base64.b64encode(bytes(32)).decode() + "\n",
    ],
)
def test_another_form_of_a_secret_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="whsec_") as raised:
        parse_secret(text)

    assert str(raised.value) == FORM

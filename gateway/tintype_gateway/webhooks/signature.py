"""The signature of a webhook (https://www.standardwebhooks.com)."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"

MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64
"""The sizes of secrets in the specification."""

FORM = (
    f"must be {PREFIX} and {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes in base64, "
    "such as of `openssl rand -base64 32`"
)


def parse_secret(text: str) -> bytes:
    """Return the key that a secret `whsec_...` holds.

    Raises:
        ValueError: It has another form. The message does not repeat it.
    """
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(FORM) from error
    if not text.startswith(PREFIX) or not MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES:
        raise ValueError(FORM)
    return key


def signed_headers(
    keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Return the headers that sign a body, with a signature by each key.

    A receiver accepts a message if one of them is by the secret that it has, so that both sides can
    change over at different times.

    Args:
        keys: The keys of all valid secrets.
        message_id: What is the same in all attempts to deliver this message.
        timestamp: The time of this attempt, in seconds since the epoch.
        body: The bytes that are sent.
    """
    content = f"{message_id}.{timestamp}.".encode() + body
    digests = [hmac.new(key, content, hashlib.sha256).digest() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(each).decode()}" for each in digests),
    }

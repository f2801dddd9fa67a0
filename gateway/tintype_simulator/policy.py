"""A reference policy service: what a gateway's `TINTYPE_GUARDRAIL_URL` may lead to.

It serves `POST /policy`, verifies the signature of each question as Standard Webhooks asks for, and
judges by words of the prompt. `banned` denies the prompt, and `swapped` is replaced by `harmless`.
`indecent` denies the images that were made. `undecided` (of prompts) and `unjudged` (of images) get
no verdict, but status 500. `GET /_simulator/policy` lists the last questions, oldest first, and
`DELETE /_simulator/policy` clears the list.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from collections import deque
from collections.abc import Callable, Sequence

from aiohttp import web

QUESTIONS_KEPT = 100

TOLERANCE_SECONDS = 300
"""How far the time of a question may be away."""

PREFIX = "whsec_"

IMAGES = "guardrail.images"
"""The type of a question about images; others are about prompts."""


class Policy:
    """Judges what gateways ask that sign with one of some secrets."""

    def __init__(self, keys: Sequence[bytes], wall_clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._wall_clock = wall_clock
        self._questions: deque[dict[str, object]] = deque(maxlen=QUESTIONS_KEPT)

    def routes(self) -> list[web.RouteDef]:
        """Return the service, and the log of its questions."""
        return [
            web.post("/policy", self.judge),
            web.get("/_simulator/policy", self.get_questions),
            web.delete("/_simulator/policy", self.delete_questions),
        ]

    async def judge(self, request: web.Request) -> web.Response:
        """Respond with the verdict on a question: 401 if its signature is not valid."""
        body = await request.read()
        if not self._is_signed(request, body):
            return web.Response(status=401, text="the signature is not valid")
        try:
            question = json.loads(body)
            kind, prompt = question["type"], question["prompt"]
        except (ValueError, KeyError, TypeError):
            return web.Response(status=400, text="this is no question")
        self._questions.append(question)
        verdict = verdict_on(kind, prompt)
        return web.Response(status=500) if verdict is None else web.json_response(verdict)

    async def get_questions(self, request: web.Request) -> web.Response:
        """List the questions, oldest first."""
        return web.json_response(list(self._questions))

    async def delete_questions(self, request: web.Request) -> web.Response:
        """Clear the list."""
        self._questions.clear()
        return web.Response(status=204)

    def _is_signed(self, request: web.Request, body: bytes) -> bool:
        headers = request.headers
        message_id, moment = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not (moment.isascii() and moment.isdecimal()):
            return False
        if abs(self._wall_clock() - int(moment)) > TOLERANCE_SECONDS:
            return False
        content = f"{message_id}.{moment}.".encode() + body
        given = headers.get("webhook-signature", "").encode().split()
        return any(
            hmac.compare_digest(signature, _signature(key, content))
            for key in self._keys
            for signature in given
        )


def verdict_on(kind: str, prompt: str) -> dict[str, str] | None:
    """Return the verdict on a prompt, or on the images of a prompt; None where there is none."""
    if kind == IMAGES:
        if _has("unjudged", prompt):
            return None
        return _denied("the image is indecent") if _has("indecent", prompt) else _ALLOWED
    if _has("undecided", prompt):
        return None
    if _has("banned", prompt):
        return _denied("the prompt has the word `banned`")
    if _has("swapped", prompt):
        return {"verdict": "replace", "prompt": re.sub(r"\bswapped\b", "harmless", prompt)}
    return _ALLOWED


_ALLOWED = {"verdict": "allow"}


def _denied(message: str) -> dict[str, str]:
    return {"verdict": "deny", "message": message}


def _has(word: str, prompt: str) -> bool:
    return re.search(rf"\b{word}\b", prompt) is not None


def parse_secrets(text: str) -> tuple[bytes, ...]:
    """Return the keys of the secrets `whsec_...` in the lines of a text.

    Raises:
        ValueError: There is none, or a line is none. The message does not repeat it.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or not all(line.startswith(PREFIX) for line in lines):
        raise ValueError(f"each line must be {PREFIX} and the base64 of a secret")
    try:
        return tuple(base64.b64decode(line[len(PREFIX) :], validate=True) for line in lines)
    except binascii.Error as error:
        raise ValueError(f"each line must be {PREFIX} and the base64 of a secret") from error


def _signature(key: bytes, content: bytes) -> bytes:
    return b"v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())

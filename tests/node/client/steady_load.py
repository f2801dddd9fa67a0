"""Requests images until /tmp/stop exists, and prints the outcomes and what was charged. Runs in a
pod.

Half of the clients keep their connections, the others open one for each request; no client repeats
a request.
"""

import asyncio
import collections
import json
import pathlib

from openai import APIConnectionError, APIStatusError, AsyncOpenAI

CLIENTS = 4
PAUSE_SECONDS = 0.2

token = pathlib.Path("/var/run/secrets/tintype/token").read_text()
STOP = pathlib.Path("/tmp/stop")  # noqa: S108 - a pod has its own
outcomes: collections.Counter[str] = collections.Counter()
charges: list[int] = []


async def ask(headers: dict[str, str]) -> None:
    client = AsyncOpenAI(
        base_url="http://tintype:8080/v1", api_key=token, max_retries=0, default_headers=headers
    )
    while not STOP.exists():  # noqa: ASYNC240 - a file of a memory file system
        outcomes[await outcome(client)] += 1
        await asyncio.sleep(PAUSE_SECONDS)


async def outcome(client: AsyncOpenAI) -> str:
    try:
        image = await client.images.generate(
            model="gpt-image-1", prompt="A hedgehog", quality="low"
        )
    except APIStatusError as error:
        message = error.body.get("message") if isinstance(error.body, dict) else error.message
        retry = error.response.headers.get("retry-after")
        return f"{error.status_code} {error.code}, Retry-After {retry}: {message}"
    except APIConnectionError as error:
        return repr(error.__cause__)
    charges.append(image.model_dump()["usage"]["credits_used"])
    return "served"


async def main() -> None:
    async with asyncio.TaskGroup() as tasks:
        for number in range(CLIENTS):
            tasks.create_task(ask({"Connection": "close"} if number % 2 else {}))
    print(json.dumps({"outcomes": outcomes, "charged": sum(charges)}))


asyncio.run(main())

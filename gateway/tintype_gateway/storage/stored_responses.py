"""Responses in the image store, for repeats of their requests and as the results of jobs.

A body consists of texts with the value of one image between each two: base64, or a URL. A file
holds the texts and the names of the images in the store. It is written last, so that all images
that it names are stored.

The response of a job is written before it is charged. Its `Bill` says what is due, and the end of
the body stays open: the credits of `usage` are known later.
"""

import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Self

from tintype_gateway.holds import Hold
from tintype_gateway.images.base64_view import encoded
from tintype_gateway.storage.interface import ImageStore, NotStoredError
from tintype_gateway.values.json_text import json_bytes
from tintype_gateway.values.response import Response

COST_HEADER = "Tintype-Cost-Micro-Credits"
"""The header that says what a request was charged."""


def response_name(request_id: str) -> str:
    """Return the name of the file with the response to a request."""
    return f"answers/{request_id}.json"


@dataclass(frozen=True, slots=True)
class Bill:
    """What a response costs that was stored before it was charged."""

    cost: int
    """Micro-credits. The part above the hold is not charged."""

    images: int
    """The number of images that are charged."""

    ending: Mapping[str, Any]
    """The fields of the JSON body behind its images. The credits in `usage` are still open."""


@dataclass(frozen=True, slots=True)
class StoredBody:
    """A body, or an event of a stream, whose images are files of the store."""

    texts: tuple[bytes, ...] = field(repr=False)
    """One more than there are images."""

    names: tuple[str, ...]
    """The names of the images in the store."""

    as_url: bool = False
    """Whether the body has the URLs of the images in place of their base64."""

    async def pieces(self, store: ImageStore, url_seconds: int) -> AsyncGenerator[bytes, None]:
        """Yield the body: the texts, and each image in pieces, so that none is in memory.

        Raises:
            NotStoredError: An image is gone.
            StoreError: The store is unavailable.
        """
        yield self.texts[0]
        for name, text in zip(self.names, self.texts[1:], strict=True):
            if self.as_url:
                yield (await store.url(name, url_seconds)).encode()
            else:
                async with (
                    aclosing(store.stream(name)) as file,
                    aclosing(encoded(file)) as image,
                ):
                    async for piece in image:
                        yield piece
            yield text

    def document(self) -> dict[str, Any]:
        """Return what its file holds."""
        return {
            "texts": [text.decode() for text in self.texts],
            "names": list(self.names),
            "as_url": self.as_url,
        }

    def dumped(self) -> bytes:
        """Return what its file holds."""
        return json.dumps(self.document()).encode()

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Return the body in a file.

        Raises:
            NotStoredError: The file is damaged, and so as good as gone.
        """
        with _damage():
            return cls.of(json.loads(content))

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Return the body in a document."""
        texts = tuple(text.encode() for text in document["texts"])
        return cls(texts, tuple(document["names"]), document["as_url"])


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A successful response."""

    body: StoredBody
    headers: Mapping[str, str]
    receipt: Hold
    """The hold that pays for it."""

    bill: Bill | None = None
    """What is due for it; None if it was charged before it was stored."""

    def settled(self, charged: int | None = None, available: int | None = None) -> "StoredResponse":
        """Return the response with its charge and the remaining credits, if they are still open.

        The charge is the bill by default, up to the hold. `available` is None for an account
        without a limit, and where it is not known.
        """
        if self.bill is None:
            return self
        if charged is None:
            charged = min(self.bill.cost, self.receipt.amount)
        usage = self.bill.ending["usage"] | {"credits_used": charged}
        if available is not None:
            usage["credits_remaining"] = available
        ending = {**self.bill.ending, "usage": usage}
        last = self.body.texts[-1] + json_bytes(ending)[1:]
        body = replace(self.body, texts=(*self.body.texts[:-1], last))
        return replace(
            self, body=body, headers={**self.headers, COST_HEADER: str(charged)}, bill=None
        )

    async def response(self, store: ImageStore, url_seconds: int) -> Response:
        """Return all of it. See `StoredBody.pieces` for the errors."""
        settled = self.settled()
        pieces = [piece async for piece in settled.body.pieces(store, url_seconds)]
        return Response(tuple(pieces), settled.headers, self.receipt)

    def dumped(self) -> bytes:
        """Return what its file holds."""
        receipt, bill = self.receipt, self.bill
        document = self.body.document() | {
            "headers": dict(self.headers),
            "receipt": {"id": receipt.id, "account": receipt.account, "amount": receipt.amount},
        }
        if bill is not None:
            own = {"cost": bill.cost, "images": bill.images, "ending": dict(bill.ending)}
            document["bill"] = own
        return json.dumps(document).encode()

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Return the response in a file, which an earlier version may have written.

        Raises:
            NotStoredError: The file is damaged, and so as good as gone.
        """
        with _damage():
            document = json.loads(content)
            bill = document.get("bill")
            return cls(
                StoredBody.of(document),
                document["headers"],
                Hold(**document["receipt"]),
                None if bill is None else Bill(**bill),
            )


@contextmanager
def _damage() -> Iterator[None]:
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise NotStoredError("the file is damaged") from error

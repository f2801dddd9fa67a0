"""What a running job leaves in the image store: its events, and its result.

An event is a record with its image; the ledger has only its place in the stream, so that no part
of a prompt is in a column. The result is what the direct request would have got, with its bill.
"""

import asyncio
import logging
from collections.abc import Awaitable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from tintype_gateway.api.response_headers import headers_of, image_errors
from tintype_gateway.billing.sale import of_which
from tintype_gateway.errors import GatewayError
from tintype_gateway.images.base64_view import decode
from tintype_gateway.jobs.patience import persisted
from tintype_gateway.jobs.patient_store import PatientStore
from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.jobs import Job, JobEvent, JobResult
from tintype_gateway.ledger.operations.jobs import JobOperations
from tintype_gateway.pipeline.json_serializer import body_of
from tintype_gateway.pipeline.request_metrics import Cost
from tintype_gateway.pipeline.sse_serializer import (
    COMPLETED,
    PARTIAL,
    completed_event,
    error_event,
    partial_event,
)
from tintype_gateway.storage.interface import StoreError, media_type, new_name
from tintype_gateway.storage.stored_responses import (
    Bill,
    StoredBody,
    StoredResponse,
    response_name,
)
from tintype_gateway.upstream.sse import Pieces
from tintype_gateway.values.events import Charge, FailedCall, FinishedCall, PartialImage
from tintype_gateway.values.plan import Plan

JSON = "application/json"

EVENT_SECONDS = 10.0
"""How long it may take to store an event, which is left out then. Responses of providers to other
calls of the job are not read meanwhile."""

EVENT_TRIES = 3
"""How often it is tried to add an event, while the ledger is unavailable."""

log = logging.getLogger(__name__)

Place = tuple[str, int | None, int | None]
"""The kind of an event, the index of its image, and the number of a preview."""


class JobOutput:
    """Stores the events of one job as they come, and its result at the end."""

    def __init__(
        self,
        job: Job,
        claim: str,
        plan: Plan,
        store: PatientStore,
        ledger: JobOperations,
        cost: Cost,
        seconds: int,
        *,
        as_url: bool,
    ) -> None:
        """Store the output of a job for at least `seconds`.

        `as_url` tells whether the result has the URLs of the images.
        """
        self._job = job
        self._claim = claim
        self._plan = plan
        self._store = store
        self._ledger = ledger
        self._cost = cost
        self._seconds = seconds
        self._as_url = as_url
        self._announced = 0
        self._places: set[Place] = set()
        self._begun: set[int] = set()
        self.calls: list[FinishedCall] = []
        """The calls whose images are stored."""

        self.failed: list[FailedCall] = []

    @property
    def begun(self) -> Collection[int]:
        """The calls, by their first image, of which the client may have an image or a preview."""
        return self._begun

    async def resume(self) -> None:
        """Find the events that another process has stored, which are not stored again."""
        await persisted(self._job.id, self._find_events)

    async def preview(self, partial: PartialImage) -> None:
        """Store an event with a preview. One that cannot be stored is left out."""
        self._begun.add(partial.index)
        place = PARTIAL, partial.index, partial.number
        if place in self._places:
            return
        await self._in_time(self._add_preview(place, partial))

    async def _in_time(self, adding: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(EVENT_SECONDS):
                await adding
        except TimeoutError:
            self._warn("an event of a job is left out", "it took too long")

    async def _add_preview(self, place: Place, partial: PartialImage) -> None:
        name = new_name(partial.format)
        try:
            content = decode(partial.preview.base64)
            await self._store.plain.put(name, content, media_type(partial.format), self._seconds)
        except (StoreError, ValueError) as error:
            self._warn("a preview of a job is not stored", error)
            return
        await self._add(place, partial_event(self._plan, partial), name)

    async def finish(self, call: FinishedCall) -> None:
        """Store the events of a call whose images are stored."""
        self._begun.add(call.first)
        made = len(call.images)
        for number in range(made + call.refused):
            now = of_which(call, min(number + 1, made))
            total = self._cost([*self.calls, now])
            charge, self._announced = Charge(total - self._announced), total
            place = COMPLETED, call.first + number, None
            name = call.images[number].name if number < made else None
            if place not in self._places:
                event = completed_event(self._plan, call, number, charge)
                await self._in_time(self._add(place, event, name))
        self.calls.append(call)

    def fail(self, call: FailedCall) -> None:
        """Note a call that gave no image."""
        self.failed.append(call)

    async def close(self, error: GatewayError | None) -> JobResult:
        """Store the result, and the event that says which images are missing for this error.

        The result is written last. It may be found by another process if this one ends.

        Raises:
            StoreError: The store is unavailable.
        """
        calls = sorted(self.calls, key=lambda call: call.first)
        errors = image_errors(calls, self.failed)
        place: Place = ("error", None, None)
        if error is not None and errors and place not in self._places:
            await self._in_time(self._add(place, error_event(error, errors), None))
        response = self._response(calls)
        name = response_name(self._job.request_id)
        await self._store.put(name, response.dumped(), JSON, self._seconds)
        assert response.bill is not None  # noqa: S101 - it has just been made
        return JobResult(name, response.bill.images)

    @property
    def cost(self) -> int:
        """The cost of all images, in micro-credits."""
        return self._cost(self.calls)

    def _response(self, calls: Sequence[FinishedCall]) -> StoredResponse:
        shown = calls if self._as_url else [_without_urls(call) for call in calls]
        pieces, ending = body_of(self._plan, shown, self.failed, 0, None)
        names = tuple(image.name or "" for call in calls for image in call.images)
        texts = tuple(bytes(piece) for piece in pieces[::2])
        body = StoredBody(texts, names, self._as_url)
        headers = headers_of(self._plan, (call.route for call in calls), self._job.hold)
        return StoredResponse(
            body, headers, self._job.hold, Bill(self.cost, len(names), dict(ending))
        )

    async def _add(self, place: Place, event: Pieces, image: str | None) -> None:
        """Store the record of an event, and add it to the stream."""
        kind, index, number = place
        if image is None:
            body = StoredBody((b"".join(event),), ())
        else:
            before, _, after = event
            body = StoredBody((bytes(before), bytes(after)), (image,))
        name = "-".join(str(part) for part in (self._job.id, *place) if part is not None)
        path = f"jobs/{name}.json"
        try:
            await self._store.plain.put(path, body.dumped(), JSON, self._seconds)
        except StoreError as error:
            self._warn("an event of a job is not stored", error)
            return
        data = {"index": index, "partial_image_index": number}
        known = {key: value for key, value in data.items() if value is not None}
        await self._added(place, JobEvent(kind=kind, data=known, name=path))

    async def _added(self, place: Place, event: JobEvent) -> None:
        """Add an event to the stream, once, even if it is not known whether a try added it.

        While the ledger is unavailable the event is left out in the end: the result goes first.
        """
        for _ in range(EVENT_TRIES):
            try:
                await self._ledger.add_job_event(self._job.id, self._claim, event)
                self._places.add(place)
                return
            except LedgerUnavailableError as error:
                self._warn("an event of a job is not added", error)
            with suppress(LedgerUnavailableError):
                await self._find_events()
            if place in self._places:
                return

    async def _find_events(self) -> None:
        stored = await self._ledger.job_events(self._job.account, self._job.id)
        self._places.update(_place(event.kind, event.data) for event in stored)

    def _warn(self, message: str, error: Exception | str) -> None:
        log.warning(message, extra={"job": self._job.id, "error": str(error)})


def _place(kind: str, data: Mapping[str, object]) -> Place:
    index, number = data.get("index"), data.get("partial_image_index")
    return (
        kind,
        index if isinstance(index, int) else None,
        number if isinstance(number, int) else None,
    )


def _without_urls(call: FinishedCall) -> FinishedCall:
    return replace(call, images=tuple(replace(image, url=None) for image in call.images))

"""The schemas of jobs, for the OpenAPI document only."""

from typing import Literal

from tintype_gateway.api.openapi.responses import (
    Described,
    ErrorDetail,
    ImagesResponse,
    MicroCredits,
    OpenAIImagesResponse,
)
from tintype_gateway.ledger.jobs import JobStatus


class JobRequest(Described):
    """What a job makes. Its prompt and its images are never shown."""

    operation: str
    model: str
    """The model as the request named it."""

    n: int
    size: str
    quality: str | None
    response_format: Literal["b64_json", "url"]
    stream: bool
    """Whether previews were asked for."""

    partial_images: int


class JobUsage(Described):
    """What a job delivered, and what was charged for it."""

    images: int
    credits_used: MicroCredits
    credits_remaining: MicroCredits | None
    """Null for an account without a limit."""


class JobWebhook(Described):
    """The delivery of a job's webhook."""

    host: str | None
    """The host of the URL. Null if the key that encrypted it is gone."""

    state: Literal["waiting", "pending", "delivered", "failed"]
    """`waiting` until the job has ended; `failed` once it is given up."""

    attempts: int
    """The attempts to deliver it, since the last redelivery."""

    last_status: int | None
    """The status of the newest response of the receiver."""

    last_error: str | None
    next_attempt_at: int | None
    delivered_at: int | None


class JobSummary(Described):
    """A job without its result. Times are Unix seconds."""

    id: str
    object: Literal["image.job"]
    status: JobStatus
    created_at: int
    started_at: int | None
    finished_at: int | None
    expires_at: int | None
    """When the job and its result are deleted. Null until it has ended."""

    cancel_requested: bool
    """Whether a job that runs is being cancelled."""

    request: JobRequest
    usage: JobUsage | None
    """Null if nothing was charged."""

    error: ErrorDetail | None
    """The error of the direct request. Null unless the job failed."""

    webhook: JobWebhook | None
    """Null for a job without a `webhook_url`."""


class ImageJob(JobSummary):
    """A job."""

    result: ImagesResponse | OpenAIImagesResponse | None
    """The body of the direct response. Null until there is one, and if its images are gone."""


class JobList(Described):
    """Jobs of the caller's account, the newest first."""

    object: Literal["list"]
    data: list[JobSummary]
    first_id: str | None
    last_id: str | None
    """The value of `after` for the next page."""

    has_more: bool

"""Jobs: requests that are accepted now and run later, in the ledger's database.

A job is queued in one transaction with its hold, which lives as long as the job does, and ended in
one transaction with its charge. In between a worker has it by a *claim*, for the time of a lease
that it renews. What a worker may have sent to a provider is noted before it is sent, so that the
job of a worker that was killed is run again only if that cannot cost twice:

| Phase | Noted | After the lease |
| --- | --- | --- |
| `ready` | nothing was sent | it is queued again |
| `sent` | a provider may be working | another worker gets it, to resume or to abandon it |

Accounts take turns: the next job is the oldest one of the account that has waited longest since it
started one, among those below their limit of running jobs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

from tintype_gateway.holds import Hold

JobStatus = Literal["queued", "in_progress", "completed", "failed", "cancelled", "outcome_unknown"]
"""`outcome_unknown`: a provider may have made its images, and nobody has them; it is free."""

JOB_STATUSES: tuple[JobStatus, ...] = get_args(JobStatus)

EndStatus = Literal["completed", "failed", "cancelled", "outcome_unknown"]
"""The statuses of jobs that have ended."""

JobPhase = Literal["ready", "sent"]

JobMode = Literal["run", "resume", "abandoned"]
"""What a worker does with a job: run it, wait for the tasks that providers have accepted, or find
out whether it was finished before its worker was killed."""

JobSignalKind = Literal["queued", "started", "event", "cancel", "ended", "missed"]
"""What happened to a job. `missed`: anything may have happened to any job."""

JOB_HOLD_SECONDS = 10 * 365 * 86_400
"""The lifetime of a job's hold: it must not end before the job does."""

RETENTION_SECONDS = 86_400
"""The default time for which a job stays after its end."""

QUEUE_FULL_SECONDS = 10
"""After how many seconds a submission that met a full queue may try again."""


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A job to submit. Nothing in it but sealed bytes may have a part of a prompt."""

    id: str
    """`job_` and an ordered id (see `ordered_ids`): the jobs of an account start in this order."""

    operation: str
    model: str
    summary: Mapping[str, Any] = field(default_factory=dict)
    """What is shown of the request, such as its size and quality."""

    payload: bytes
    """The sealed request. It is deleted when the job ends."""

    trace_parent: str | None = None
    """The `traceparent` of the submission."""

    webhook: bytes | None = None
    """The sealed URL that is told of the job's end."""

    retention_seconds: int = RETENTION_SECONDS
    """How long the job stays after its end."""


@dataclass(frozen=True)
class JobResult:
    """Where the images of a job are."""

    record: str
    """The name of the result's record in the image store."""

    images: int
    """The number of its images."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job, as far as it was read."""

    id: str
    account: str
    key_id: str
    """The key of the submission. Every key of the account may read the job."""

    request_id: str
    """The id of the submission."""

    operation: str
    model: str
    status: JobStatus
    phase: JobPhase
    summary: Mapping[str, Any]
    created_at: datetime
    started_at: datetime | None = None
    """When a worker claimed it from the queue, the last time."""

    finished_at: datetime | None = None
    expires_at: datetime | None = None
    """When it may be deleted; None until it has ended."""

    cancel_requested: bool = False
    """Whether it shall be cancelled; one that is queued again keeps it."""

    attempts: int = 0
    """How often a worker has claimed it."""

    handed_back: int = 0
    """How often a worker has handed it back."""

    hold: Hold
    result: JobResult | None = None
    error: Mapping[str, Any] | None = None
    charged: int | None = None
    """Micro-credits; None until it has ended, and if nothing was charged."""

    available: int | None = None
    """The credits that the account had left after the charge; None: no charge, or no limit."""

    trace_parent: str | None = None
    payload: bytes | None = None
    """The sealed request, until the job ends; read with a claim, and when a job is cancelled."""

    tasks: bytes | None = None
    """The sealed tasks of providers that the last worker noted; read with a claim only."""

    webhook: bytes | None = None

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return self.status in ("queued", "in_progress")

    @property
    def lost_workers(self) -> int:
        """How many workers it has had that neither ended it nor handed it back; read with a claim,
        of which this worker is none."""
        return max(0, self.attempts - self.handed_back - 1)


@dataclass(frozen=True)
class JobLimits:
    """The most jobs of an account at once, unless its policy says otherwise."""

    queued: int
    running: int


@dataclass(frozen=True)
class Claimed:
    """A job that a worker has now."""

    job: Job
    mode: JobMode


@dataclass(frozen=True, kw_only=True)
class JobEnd:
    """How a job ends.

    Its hold is settled if it is completed, or if something was sold, and released otherwise.
    """

    status: EndStatus
    cost: int = 0
    """Micro-credits; at most the hold is charged."""

    images: int = 0
    """The number of delivered images."""

    result: JobResult | None = None
    error: Mapping[str, Any] | None = None
    """Why it was not completed. It has no part of the prompt."""

    @property
    def is_sold(self) -> bool:
        """Whether the hold is settled."""
        return self.status == "completed" or self.cost > 0 or self.images > 0


@dataclass(frozen=True, kw_only=True)
class JobEvent:
    """An event of a job's stream: what is sent of it is in the image store."""

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
    """What is known of the event without its image. It has no part of the prompt."""

    name: str | None = None
    """The name of its record in the image store."""

    number: int = 0
    """Its place in the stream, from 1; given by the ledger."""


@dataclass(frozen=True)
class JobQueueDepth:
    """How many jobs of a model have not ended."""

    model: str
    queued: int
    running: int
    oldest_seconds: float
    """For how long the oldest queued one waits; 0 without one."""


@dataclass(frozen=True)
class JobSignal:
    """That something happened to a job."""

    kind: JobSignalKind
    job_id: str | None = None
    """None for `missed`."""

"""The outbox of webhooks: messages in the ledger's database, until they are delivered.

A message is added in one transaction with what it tells of, so that it is not lost, and not made
twice. Gateways claim what is due, each for the time of its lease, and record how the attempt
ended. One that is killed meanwhile leaves a message that is due again when its lease ends.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

WebhookState = Literal["pending", "delivered", "failed"]
"""`pending`: not delivered yet. `failed`: given up, until somebody asks for it again."""

WEBHOOK_STATES: tuple[WebhookState, ...] = get_args(WebhookState)

JOB = "job:"
"""The beginning of the destination of a job's message, before the id of the job. The outbox has no
body for it: the body is written when it is sent, from the job."""

KEEP_SECONDS = 30 * 86_400
"""How long a message stays in the outbox after it was delivered or given up."""

MAX_PAGE = 1000
"""The most messages of one page."""

LOOKED_THROUGH = 500
"""How many due messages a claim looks through for those of queues that are not busy. With more,
it asks each queue for its own, which costs as much as there are queues."""


@dataclass(frozen=True)
class WebhookMessage:
    """What is to be sent."""

    id: str
    """The `webhook-id`, by which receivers recognize a message that they have already got."""

    type: str
    """The type of the event, such as `budget.threshold_reached`."""

    destination: str
    """A name that the sender finds URL and secrets by, so that a change of them counts at once."""

    payload: str
    """The body, in JSON."""

    account: str | None = None
    """The account that it concerns, if it does."""

    @property
    def queue(self) -> str:
        """What it is one of: the messages of an account's jobs, or those of another destination.

        A sender limits how many of each it sends at once (`QUEUE` of each engine says the same).
        """
        return f"jobs of {self.account}" if self.destination.startswith(JOB) else self.destination


@dataclass(frozen=True)
class WebhookDelivery:
    """A message in the outbox, and what has become of it."""

    message: WebhookMessage
    state: WebhookState
    created_at: datetime
    due_at: datetime
    """The time of the next attempt of a pending message; of a claimed one the end of its lease."""

    attempts: int
    """How many attempts have ended since it was added, or asked for again."""

    attempted_at: datetime | None
    status: int | None
    """The HTTP status of the last attempt; None if there was no response."""

    error: str | None
    """Why the last attempt failed; None if it did not."""

    finished_at: datetime | None
    """When it was delivered, or given up."""


@dataclass(frozen=True)
class Attempt:
    """How an attempt to deliver a message ended."""

    error: str | None = None
    """Why it failed; None if the receiver accepted the message."""

    status: int | None = None
    """The HTTP status; None if there was no response."""

    retry_seconds: float | None = None
    """In how many seconds a message that failed is due again; None: it is given up."""

    @property
    def state(self) -> WebhookState:
        """The state of the message after the attempt."""
        if self.error is None:
            return "delivered"
        return "failed" if self.retry_seconds is None else "pending"


Receiver = Literal["settings", "jobs"]
"""Whose receiver a message is for: that of the settings, or one that an account names for jobs."""

RECEIVERS: tuple[Receiver, ...] = get_args(Receiver)


@dataclass(frozen=True)
class Backlog:
    """How many messages are pending."""

    pending: int = 0
    oldest_seconds: float = 0
    """The age of the oldest of them; 0 if there is none."""

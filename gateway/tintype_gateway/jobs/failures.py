"""How jobs end that gave no image: with the error that the direct request would have got.

The errors are in a column of the ledger, so that none has a part of a prompt.
"""

from collections.abc import Sequence

from tintype_gateway.api.jobs import error_record
from tintype_gateway.errors import GatewayError, UnavailableError
from tintype_gateway.faults import SUMMARIES, error_of, gravest, rule_of
from tintype_gateway.ledger.jobs import EndStatus, Job, JobEnd
from tintype_gateway.storage.interface import StoreError
from tintype_gateway.values.events import FailedCall

MOST_LOST_WORKERS = 5
"""After how many workers that ended with a job it is tried no more."""


def failure(error: GatewayError) -> JobEnd:
    """Return the end of a job that an error ends: of unknown outcome, if an image may exist."""
    status: EndStatus = "outcome_unknown" if error.may_have_cost else "failed"
    return JobEnd(status=status, error=error_record(error))


def error_of_calls(failed: Sequence[FailedCall]) -> GatewayError:
    """Return the error of a job by its failed calls. What may quote its prompt is left out."""
    worst = gravest(failed)
    error = error_of(worst.fault, worst.route)
    if rule_of(worst.fault).quotes_request:
        error.message = SUMMARIES.get(worst.fault.kind, "the provider made no image")
    return error


def lost() -> UnavailableError:
    """Return the error of a job whose gateway ended while a provider may have been working."""
    message = "the gateway that ran the job ended; the provider may have made its images"
    return UnavailableError(message, code="outcome_unknown", may_have_cost=True)


def overdue(seconds: int) -> UnavailableError:
    """Return the error of a job that was not started in time."""
    message = f"the job was not started within {seconds} seconds; no image was requested"
    return UnavailableError(message, code="job_expired", retry=True)


def is_fatal(job: Job) -> bool:
    """Return whether a job may be what ends its workers, one after another."""
    return job.lost_workers >= MOST_LOST_WORKERS


def abandoned() -> UnavailableError:
    """Return the error of a job that is tried no more, because it `is_fatal`."""
    message = (
        f"{MOST_LOST_WORKERS} gateways have ended while they prepared the job, which may be the"
        " cause; no image was requested"
    )
    return UnavailableError(message, code="job_abandoned")


def not_stored(error: StoreError) -> UnavailableError:
    """Return the error of a job whose result cannot be stored."""
    message = f"the images were made, and are not charged, but cannot be stored: {error}"
    return UnavailableError(message, code="image_store_unavailable", may_have_cost=True)

"""Every error that a client can get, with its wire identity.

    GatewayError
    |-- BadRequestError 400            the request cannot be served as it is
    |   |-- UnsupportedParameterError  ... because of a parameter's value for this model
    |   |-- ContentRefusedError        ... because the provider refuses its content
    |   `-- ContentPolicyError         ... because the policy service refuses its content
    |-- AuthenticationError 401
    |-- InsufficientCreditsError 402
    |-- BudgetExceededError 402
    |-- ForbiddenError 403             a suspended account, a role that does not suffice, a bad link
    |-- NotFoundError 404
    |-- MethodNotAllowedError 405
    |-- RequestTimeoutError 408        a body that arrives too slowly
    |-- ConflictError 409              an idempotency key that is in use
    |   `-- AlreadyServedError         ... by a request that was served and charged
    |-- PayloadTooLargeError 413
    |-- UriTooLongError 414
    |-- UnsupportedMediaTypeError 415
    |-- RangeNotSatisfiableError 416   an unsatisfiable range of an image
    |-- ExpectationFailedError 417   an `Expect` that is not 100-continue
    |-- ValidationError 422            invalid fields, all of them at once
    |-- HeadersTooLargeError 431
    |-- RateLimitError 429           the account has exceeded a rate limit
    |   |-- JobQueueFullError        ... or its limit of queued jobs
    |   |-- OverloadedError          ... or the gateway has no memory for more requests
    |   `-- BusyError                ... or all concurrent calls of the provider are in use
    |-- InternalError 500              a defect; the response has no details
    `-- UnavailableError 503           a provider, the ledger or the catalog

The envelope is OpenAI's: `{"error": {"message", "type", "param", "code"}}`.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple, Self

from typing_extensions import override


class GatewayError(Exception):
    """An error response.

    `retry` tells whether the official SDKs may retry the request automatically: only if it provably
    was not processed, because an image costs money. `may_have_cost` tells whether an image may have
    been made, so that a repeat with the same idempotency key must be refused.
    """

    status: ClassVar[int]
    type: ClassVar[str] = "invalid_request_error"
    code: str | None = None

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry: bool = False,
        retry_after_seconds: int | None = None,
        may_have_cost: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.param = param
        self.retry = retry
        self.retry_after_seconds = retry_after_seconds
        self.may_have_cost = may_have_cost

    def body(self) -> dict[str, object]:
        """Return OpenAI's envelope, with all four keys."""
        error = {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }
        return {"error": error}

    def headers(self) -> dict[str, str]:
        """Return the headers that tell a client whether and when to retry."""
        headers = {"x-should-retry": "true" if self.retry else "false"}
        if self.retry_after_seconds is not None:
            headers["Retry-After"] = str(self.retry_after_seconds)
        return headers


class BadRequestError(GatewayError):
    """The request cannot be served as it is."""

    status = 400


class UnsupportedParameterError(BadRequestError):
    """A parameter, or its value, that the model does not accept."""

    code = "unsupported_parameter"


class ContentRefusedError(BadRequestError):
    """The provider refuses the content of the request."""

    type = "image_generation_user_error"
    code = "moderation_blocked"


class ContentPolicyError(BadRequestError):
    """The policy service of the gateway refuses the content of the request, or of its images."""

    type = ContentRefusedError.type
    code = "content_policy"


class AuthenticationError(GatewayError):
    """The key is missing or unknown."""

    status = 401
    code = "invalid_api_key"


class InsufficientCreditsError(GatewayError):
    """The account has fewer credits than the request could cost."""

    status = 402
    type = "insufficient_quota"
    code = "insufficient_credits"

    amounts: Mapping[str, int] | None = None

    @classmethod
    def of(cls, required: int, available: int) -> Self:
        """Return the error of a request whose ceiling exceeds the available micro-credits."""
        error = cls(
            f"the request may cost up to {required} micro-credits, and the account has {available}"
        )
        error.amounts = {"required": required, "available": available}
        return error

    @override
    def body(self) -> dict[str, object]:
        """Return OpenAI's envelope, with both amounts in micro-credits where they are known."""
        return super().body() | ({"credits": self.amounts} if self.amounts else {})


class BudgetExceededError(GatewayError):
    """The account would spend more in a window than its budget allows."""

    status = 402
    type = "insufficient_quota"
    code = "budget_exceeded"

    budget: Mapping[str, object] | None = None

    @classmethod
    def of(cls, message: str, budget: Mapping[str, object]) -> Self:
        """Return the error of a request, with the budget that it would exceed as JSON."""
        error = cls(message)
        error.budget = budget
        return error

    @override
    def body(self) -> dict[str, object]:
        """Return OpenAI's envelope, with the budget where it is known."""
        return super().body() | ({"budget": self.budget} if self.budget else {})


class ForbiddenError(GatewayError):
    """The account is suspended, the role of an admin does not suffice, or a link is not valid."""

    status = 403


class NotFoundError(GatewayError):
    """The model or the path does not exist."""

    status = 404


class MethodNotAllowedError(GatewayError):
    """The path exists, but not with this method."""

    status = 405
    code = "method_not_allowed"


class ConflictError(GatewayError):
    """The idempotency key belongs to another request."""

    status = 409


class AlreadyServedError(ConflictError):
    """The request with the idempotency key was served and charged before."""

    code = "idempotency_replay_unavailable"

    def __init__(self, message: str, request_id: str) -> None:
        super().__init__(message)
        self.request_id = request_id


class RequestTimeoutError(GatewayError):
    """The body arrives too slowly."""

    status = 408
    code = "request_timeout"


class PayloadTooLargeError(GatewayError):
    """The body exceeds the limit."""

    status = 413
    code = "payload_too_large"


class UriTooLongError(GatewayError):
    """The path exceeds the limit."""

    status = 414
    code = "uri_too_long"


class HeadersTooLargeError(GatewayError):
    """The headers exceed the limit of size or number."""

    status = 431
    code = "headers_too_large"


class UnsupportedMediaTypeError(GatewayError):
    """The body is not JSON."""

    status = 415
    code = "unsupported_media_type"


class RangeNotSatisfiableError(GatewayError):
    """`Range` is not satisfiable for a file of `size` bytes."""

    status = 416
    code = "range_not_satisfiable"

    def __init__(self, size: int) -> None:
        super().__init__(
            f"`Range` must be one part of the image's {size} bytes, such as `bytes=0-1023`",
            param="Range",
        )
        self._size = size

    @override
    def headers(self) -> dict[str, str]:
        return super().headers() | {"Content-Range": f"bytes */{self._size}"}


class ExpectationFailedError(GatewayError):
    """`Expect` is not `100-continue`."""

    status = 417
    code = "expectation_failed"


class FieldProblem(NamedTuple):
    """The problem of one field."""

    param: str
    message: str
    code: str


class ValidationError(GatewayError):
    """Fields that are missing, unknown, of the wrong type or out of range."""

    status = 422

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        message = "; ".join(f"{problem.param}: {problem.message}" for problem in problems)
        super().__init__(message, code=problems[0].code, param=problems[0].param)
        self.problems = tuple(problems)

    @override
    def body(self) -> dict[str, object]:
        """Return OpenAI's envelope, with a list of all problems beside its four keys."""
        envelope = super().body()
        return envelope | {"errors": [problem._asdict() for problem in self.problems]}


class RateLimitError(GatewayError):
    """The account has exceeded a rate limit."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class JobQueueFullError(RateLimitError):
    """The account has as many queued jobs as it may."""

    code = "job_queue_full"


class OverloadedError(RateLimitError):
    """The gateway has no memory for more requests."""

    code = "overloaded"


class BusyError(RateLimitError):
    """All concurrent calls of the provider are in use, and the queue is full or too slow."""

    code = "provider_busy"


class InternalError(GatewayError):
    """A defect. The log has the cause; the client gets the request id."""

    status = 500
    type = "api_error"
    code = "internal_error"


class UnavailableError(GatewayError):
    """A provider, the ledger or the catalog cannot serve the request now."""

    status = 503
    type = "api_error"
    code = "provider_unavailable"


def ledger_unavailable() -> UnavailableError:
    """Return the error of a request that made no call because the ledger is unavailable."""
    return UnavailableError(
        "the ledger is unavailable; no image was requested",
        code="ledger_unavailable",
        retry=True,
        retry_after_seconds=1,
    )

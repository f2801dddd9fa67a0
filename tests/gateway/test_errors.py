"""The wire form of every error."""

import json
from collections.abc import Iterator

import pytest

from tintype_gateway import errors
from tintype_gateway.errors import FieldProblem, GatewayError, ValidationError

STATUSES = {
    "BadRequestError": 400,
    "UnsupportedParameterError": 400,
    "ContentRefusedError": 400,
    "ContentPolicyError": 400,
    "AuthenticationError": 401,
    "InsufficientCreditsError": 402,
    "BudgetExceededError": 402,
    "ForbiddenError": 403,
    "NotFoundError": 404,
    "MethodNotAllowedError": 405,
    "RequestTimeoutError": 408,
    "ConflictError": 409,
    "PayloadTooLargeError": 413,
    "UriTooLongError": 414,
    "UnsupportedMediaTypeError": 415,
    "ExpectationFailedError": 417,
    "RateLimitError": 429,
    "JobQueueFullError": 429,
    "OverloadedError": 429,
    "BusyError": 429,
    "HeadersTooLargeError": 431,
    "InternalError": 500,
    "UnavailableError": 503,
}


def descendants(parent: type[GatewayError]) -> Iterator[type[GatewayError]]:
    for child in parent.__subclasses__():
        yield child
        yield from descendants(child)


@pytest.mark.parametrize(("name", "status"), STATUSES.items())
def test_each_error_has_its_status(name: str, status: int) -> None:
    assert getattr(errors, name)("why").status == status


def test_the_table_of_statuses_names_every_error() -> None:
    ours = {kind for kind in descendants(GatewayError) if kind.__module__ == errors.__name__}
    others = {"AlreadyServedError", "RangeNotSatisfiableError", "ValidationError"}
    assert {kind.__name__ for kind in ours} == {*STATUSES, *others}


def test_an_unsatisfiable_range_gets_the_size_of_the_file() -> None:
    error = errors.RangeNotSatisfiableError(5)
    assert (error.status, error.code, error.param) == (416, "range_not_satisfiable", "Range")
    assert "5 bytes" in error.message
    assert error.headers() == {"x-should-retry": "false", "Content-Range": "bytes */5"}


@pytest.mark.parametrize("name", STATUSES)
def test_the_envelope_has_all_four_keys_and_no_more(name: str) -> None:
    body = getattr(errors, name)("why", param="size", code="x").body()
    assert list(body) == ["error"]
    assert body["error"] == {
        "message": "why",
        "type": getattr(errors, name).type,
        "param": "size",
        "code": "x",
    }


def test_want_of_credits_tells_both_amounts() -> None:
    body = errors.InsufficientCreditsError.of(640_000, 10_000).body()
    assert body["credits"] == {"required": 640_000, "available": 10_000}


def test_unknown_fields_of_the_envelope_are_null() -> None:
    body = errors.BadRequestError("why").body()
    assert body == {
        "error": {"message": "why", "type": "invalid_request_error", "param": None, "code": None}
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("UnsupportedParameterError", "invalid_request_error"),
        ("ContentRefusedError", "image_generation_user_error"),
        ("InsufficientCreditsError", "insufficient_quota"),
        ("BudgetExceededError", "insufficient_quota"),
        ("InternalError", "api_error"),
        ("UnavailableError", "api_error"),
    ],
)
def test_types_are_openais_own(name: str, kind: str) -> None:
    assert getattr(errors, name).type == kind


@pytest.mark.parametrize("name", STATUSES)
def test_no_sdk_retries_without_x_should_retry(name: str) -> None:
    assert getattr(errors, name)("why").headers() == {"x-should-retry": "false"}


def test_an_error_tells_when_to_try_again() -> None:
    error = errors.UnavailableError("why", retry=True, retry_after_seconds=0)
    assert error.headers() == {"x-should-retry": "true", "Retry-After": "0"}


def test_a_ledger_that_is_away_is_worth_another_try() -> None:
    error = errors.ledger_unavailable()
    assert (error.status, error.code) == (503, "ledger_unavailable")
    assert error.headers() == {"x-should-retry": "true", "Retry-After": "1"}


def test_a_validation_error_lists_all_problems_beside_the_envelope_of_the_first() -> None:
    error = ValidationError(
        [FieldProblem("n", "too many", "invalid_value"), FieldProblem("x", "unknown", "unknown_x")]
    )
    assert error.status == 422
    assert json.loads(json.dumps(error.body())) == {
        "error": {
            "message": "n: too many; x: unknown",
            "type": "invalid_request_error",
            "param": "n",
            "code": "invalid_value",
        },
        "errors": [
            {"param": "n", "message": "too many", "code": "invalid_value"},
            {"param": "x", "message": "unknown", "code": "unknown_x"},
        ],
    }

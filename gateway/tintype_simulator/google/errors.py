"""Google's errors: `google.rpc.Status` as JSON, and the table of those for scripted faults.

The rows of `ERRORS` are named after their status, such as `google/RESOURCE_EXHAUSTED`; an invalid
key, which shares its status with every other bad request, is `google/API_KEY_INVALID`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tintype_simulator.dialect import SimulatedResponse, json_response

Detail = Mapping[str, object]

SERVICE = "generativelanguage.googleapis.com"


@dataclass(eq=False)
class GoogleError(Exception):
    """An error as Google reports it; by default of an invalid request."""

    message: str
    status: str = "INVALID_ARGUMENT"
    code: int = 400
    """The HTTP status, which the body repeats."""

    details: Sequence[Detail] = ()

    def response(self) -> SimulatedResponse:
        """Return the error as it goes over the wire."""
        error: dict[str, object] = {
            "code": self.code,
            "message": self.message,
            "status": self.status,
        }
        if self.details:
            error["details"] = list(self.details)
        return json_response({"error": error}, self.code)


def detail(name: str, **fields: object) -> Detail:
    """Return one entry of `details`, of one of the standard types of `google.rpc`."""
    return {"@type": f"type.googleapis.com/google.rpc.{name}", **fields}


def invalid(path: str, message: str) -> GoogleError:
    """Return the response to an invalid field."""
    violation = {"field": path, "description": message}
    return GoogleError(message, details=[detail("BadRequest", fieldViolations=[violation])])


def unknown_name(name: str, path: str) -> GoogleError:
    """Return the response to a field that the message at `path` does not have."""
    place = f" at '{path}'" if path else ""
    problem = f'Unknown name "{name}"{place}: Cannot find field.'
    return invalid(path, f"Invalid JSON payload received. {problem}")


def too_large(limit: int) -> GoogleError:
    """Return the response to a body of more than `limit` bytes."""
    return GoogleError(f"Request payload size exceeds the limit: {limit} bytes.")


def invalid_key() -> GoogleError:
    """Return the response to a wrong API key, whose status is 400."""
    info = detail(
        "ErrorInfo",
        reason="API_KEY_INVALID",
        domain="googleapis.com",
        metadata={"service": SERVICE},
    )
    message = "API key not valid. Please pass a valid API key."
    return GoogleError(message, details=[info])


def no_key() -> GoogleError:
    """Return the response to a call of the Gemini API without a key."""
    message = "Method doesn't allow unregistered callers. Please use API Key to call this API."
    return GoogleError(message, "PERMISSION_DENIED", 403)


def unauthenticated() -> GoogleError:
    """Return the response to a call of Vertex AI without a valid token."""
    message = "Request had invalid authentication credentials. Expected OAuth 2 access token."
    return GoogleError(message, "UNAUTHENTICATED", 401)


def not_found(model: str, method: str, version: str) -> GoogleError:
    """Return the response to a model that does not exist or lacks the method."""
    message = f"models/{model} is not found for API version {version}, or is not supported"
    return GoogleError(
        f"{message} for {method}. Call ListModels to see those that are.", "NOT_FOUND", 404
    )


def prompt_not_submitted() -> GoogleError:
    """Return Imagen's refusal of a prompt by its words, as its users report it."""
    return GoogleError(
        "Image generation failed with the following error: The prompt could not be submitted. "
        "Your current safety filter threshold prohibited one or more words in this prompt. "
        "Support codes: 61493863"
    )


def exhausted() -> GoogleError:
    """Return the response to a client above its quota, with the time that it has to wait."""
    violation = {
        "quotaMetric": f"{SERVICE}/generate_content_paid_tier_requests",
        "quotaId": "GenerateRequestsPerMinutePerProjectPerModel",
        "quotaDimensions": {"location": "global", "model": "gemini-3.1-flash-image"},
        "quotaValue": "10",
    }
    return GoogleError(
        "You exceeded your current quota. Please retry in 36.4s.",
        "RESOURCE_EXHAUSTED",
        429,
        [
            detail("QuotaFailure", violations=[violation]),
            detail("Help", links=[{"description": "Learn more about Gemini API quotas"}]),
            detail("RetryInfo", retryDelay="36.4s"),
        ],
    )


ERRORS: Mapping[str, GoogleError] = {
    "INVALID_ARGUMENT": GoogleError("Request contains an invalid argument."),
    "API_KEY_INVALID": invalid_key(),
    "PROMPT_NOT_SUBMITTED": prompt_not_submitted(),
    "FAILED_PRECONDITION": GoogleError(
        "User location is not supported for the API use without a billing account linked.",
        "FAILED_PRECONDITION",
    ),
    "UNAUTHENTICATED": unauthenticated(),
    "PERMISSION_DENIED": GoogleError(
        "Your project has been denied access. Please contact support.", "PERMISSION_DENIED", 403
    ),
    "NOT_FOUND": not_found("gemini-1.0", "generateContent", "v1beta"),
    "RESOURCE_EXHAUSTED": exhausted(),
    "INTERNAL": GoogleError("An internal error has occurred.", "INTERNAL", 500),
    "UNAVAILABLE": GoogleError(
        "The model is overloaded. Please try again later.", "UNAVAILABLE", 503
    ),
    "DEADLINE_EXCEEDED": GoogleError(
        "Deadline expired before operation could complete.", "DEADLINE_EXCEEDED", 504
    ),
}

"""OpenAI's errors: the envelope, and the table of those that only a fault causes.

The rows of `ERRORS` are named by scripted faults: `{"error": "openai/rate_limit_exceeded"}`. Where
OpenAI documents no code, the code is the one that its users report.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tintype_simulator.dialect import SimulatedResponse, json_response


@dataclass(eq=False)
class OpenAIError(Exception):
    """An error as OpenAI reports it; by default of an invalid request."""

    message: str
    status: int = 400
    type: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    """The invalid field of the request."""

    extra: Mapping[str, object] = field(default_factory=dict)
    """Keys of this error beside the four that every error has."""

    def response(self) -> SimulatedResponse:
        """Return the error in its envelope."""
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return json_response({"error": {**error, **self.extra}}, self.status)


def moderation_blocked(stage: str) -> OpenAIError:
    """Return the refusal of a prompt (stage `input`) or of a finished image (`output`)."""
    return OpenAIError(
        "Your request was rejected by the safety system. safety_violations=[violence].",
        type="image_generation_user_error",
        code="moderation_blocked",
        extra={"moderation_details": {"moderation_stage": stage, "categories": ["violence"]}},
    )


def content_policy_violation() -> OpenAIError:
    """Return the refusal of a prompt in the words of the DALL-E models."""
    return OpenAIError(
        "Your request was rejected as a result of our safety system.",
        code="content_policy_violation",
    )


def invalid_image_file(name: str) -> OpenAIError:
    """Return the response to a file that is not an image, or not one that the models take."""
    return OpenAIError(
        f"Invalid image file or mode for {name}, please check your image file.",
        type="image_generation_user_error",
        code="invalid_image_file",
    )


def invalid_api_key() -> OpenAIError:
    """Return the response to a missing or a wrong key."""
    return OpenAIError("Incorrect API key provided.", 401, code="invalid_api_key")


def model_not_found(model: str) -> OpenAIError:
    """Return the response to a model that is unknown, or closed to the account."""
    message = f"The model '{model}' does not exist or you do not have access to it."
    return OpenAIError(message, 404, code="model_not_found", param="model")


def model_deprecated() -> OpenAIError:
    """Return the response to a model that OpenAI has retired."""
    return OpenAIError("The model has been deprecated.", 404, code="model_not_found", param="model")


def invalid(param: str, code: str, message: str) -> OpenAIError:
    """Return the response to an invalid field."""
    return OpenAIError(message, code=code, param=param)


ERRORS: Mapping[str, OpenAIError] = {
    "moderation_blocked": moderation_blocked("input"),
    "moderation_blocked_output": moderation_blocked("output"),
    "content_policy_violation": content_policy_violation(),
    "invalid_image_file": invalid_image_file("image 1"),
    "billing_hard_limit_reached": OpenAIError(
        "Billing hard limit has been reached", code="billing_hard_limit_reached"
    ),
    "invalid_api_key": invalid_api_key(),
    "organization_not_verified": OpenAIError(
        "Your organization must be verified to use the model `gpt-image-1`.", 403
    ),
    "model_deprecated": model_deprecated(),
    "conflict": OpenAIError("The resource was changed by another request.", 409),
    "unprocessable": OpenAIError("The request was well-formed but could not be processed.", 422),
    "rate_limit_exceeded": OpenAIError(
        "Rate limit reached for images per minute. Please try again after 12.3 seconds.",
        429,
        type="requests",
        code="rate_limit_exceeded",
    ),
    "slow_down": OpenAIError(
        "Requests are increasing too quickly.", 429, type="rate_limit_error", code="slow_down"
    ),
    "insufficient_quota": OpenAIError(
        "You exceeded your current quota, please check your plan and billing details.",
        429,
        type="insufficient_quota",
        code="insufficient_quota",
    ),
    "credit_balance_exhausted": OpenAIError(
        "Your credit balance is exhausted.",
        429,
        type="insufficient_quota",
        code="credit_balance_exhausted",
    ),
    "server_error": OpenAIError(
        "The server had an error while processing your request.", 500, type="server_error"
    ),
    "server_is_overloaded": OpenAIError(
        "The server is overloaded, please try again later.",
        503,
        type="service_unavailable_error",
        code="server_is_overloaded",
    ),
}

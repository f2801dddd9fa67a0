"""Bedrock's errors: a header holds the name, and the body holds little but the message.

The rows of `ERRORS` are for scripted faults: `{"error": "bedrock/ThrottlingException"}`. Names and
statuses are those of botocore's model of `bedrock-runtime`, and for credentials AWS's common ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tintype_simulator.dialect import SimulatedResponse, json_response

NAMESPACE = "http://internal.amazon.com/coral/com.amazon.bedrock/"
"""Follows the name in the header."""


@dataclass(eq=False)
class BedrockError(Exception):
    """An error as Bedrock reports it; by default that the request is invalid."""

    message: str
    name: str = "ValidationException"
    status: int = 400
    members: Mapping[str, object] = field(default_factory=dict)
    """Members of the body beside the message."""

    def response(self) -> SimulatedResponse:
        """Return the HTTP response that reports the error."""
        response = json_response({"message": self.message, **self.members}, self.status)
        headers = {**response.headers, "x-amzn-errortype": f"{self.name}:{NAMESPACE}"}
        return replace(response, headers=headers)


def malformed(pointer: str, complaint: str) -> BedrockError:
    """Return the error for a body that breaks the model's rules at a JSON pointer."""
    text = f"Malformed input request: {pointer}: {complaint}"
    return BedrockError(f"{text}, please reformat your input and try again.")


def content_filtered(blamed: str) -> BedrockError:
    """Return the refusal of a prompt or an image by Titan and Nova Canvas.

    Args:
        blamed: What the client is asked to change, such as `text prompt`.
    """
    return BedrockError(
        "This request has been blocked by our content filters. "
        f"Please adjust your {blamed} to submit a new request."
    )


def invalid_model() -> BedrockError:
    """Return the error for a model that does not exist, or not in this region."""
    return BedrockError("The provided model identifier is invalid.")


def needs_profile(model: str) -> BedrockError:
    """Return the error for the bare id of a model that only an inference profile can call."""
    return BedrockError(
        f"Invocation of model ID {model} with on-demand throughput "
        "isn\N{RIGHT SINGLE QUOTATION MARK}t supported. "
        "Retry with the ID or ARN of an inference profile that contains this model."
    )


def too_large(length: int, most: int) -> BedrockError:
    """Return the error for a body of more bytes than Bedrock takes."""
    return BedrockError(
        f"1 validation error detected: Value at 'body' with length {length} failed to satisfy "
        f"constraint: Member must have length less than or equal to {most}"
    )


def forbidden(name: str, message: str) -> BedrockError:
    """Return an error that is about the credentials."""
    return BedrockError(message, name, 403)


def unrecognized() -> BedrockError:
    """Return the error for unknown credentials."""
    message = "The security token included in the request is invalid."
    return forbidden("UnrecognizedClientException", message)


ERRORS: Mapping[str, BedrockError] = {
    "ValidationException": BedrockError(
        "Malformed input request, please reformat your input and try again."
    ),
    "ContentFiltered": content_filtered("text prompt"),
    "InvalidModelIdentifier": invalid_model(),
    "OnDemandNotSupported": needs_profile("stability.stable-outpaint-v1:0"),
    "ServiceQuotaExceededException": BedrockError(
        "Your request exceeds the service quota for your account.", "ServiceQuotaExceededException"
    ),
    "ConflictException": BedrockError("The resource is in use.", "ConflictException"),
    "AccessDeniedException": forbidden(
        "AccessDeniedException", "You don't have access to the model with the specified model ID."
    ),
    "UnrecognizedClientException": unrecognized(),
    "InvalidSignatureException": forbidden(
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided.",
    ),
    "ExpiredTokenException": forbidden(
        "ExpiredTokenException", "The security token included in the request is expired"
    ),
    "ResourceNotFoundException": BedrockError(
        "This model version has reached the end of its life.", "ResourceNotFoundException", 404
    ),
    "ModelTimeoutException": BedrockError(
        "Model has timed out in processing the request.", "ModelTimeoutException", 408
    ),
    "ModelErrorException": BedrockError(
        "The model could not process the request.",
        "ModelErrorException",
        424,
        {"originalStatusCode": 500, "resourceName": "simulated"},
    ),
    "ThrottlingException": BedrockError(
        "Too many requests, please wait before trying again.", "ThrottlingException", 429
    ),
    "ModelNotReadyException": BedrockError(
        "The model is not ready for inference.", "ModelNotReadyException", 429
    ),
    "InternalServerException": BedrockError(
        "The system encountered an unexpected error during processing. Try your request again.",
        "InternalServerException",
        500,
    ),
    "ServiceUnavailableException": BedrockError(
        "Bedrock is unable to process your request.", "ServiceUnavailableException", 503
    ),
}

"""The error of an image or a mask that a request sends."""

from tintype_gateway.errors import BadRequestError


class InputImageError(ValueError):
    """An image of the request that cannot be used: says which, what it is, and what is allowed."""

    def __init__(
        self, param: str, sent: str, allowed: str, *, code: str = "invalid_image_file"
    ) -> None:
        super().__init__(f"`{param}` {sent}: {allowed}")
        self.param = param
        """The field of the request."""

        self.sent = sent
        """What was sent, such as `has 12000000 pixels`."""

        self.allowed = allowed
        """What may be sent instead, such as `at most 9437184 are allowed`."""

        self.code = code
        """The code in OpenAI's envelope."""

    def response_error(self) -> BadRequestError:
        """Return the error as the client gets it."""
        return BadRequestError(str(self), code=self.code, param=self.param)


def beyond_limit(param: str, sent: str, allowed: str) -> InputImageError:
    """Return the error of an image that is sound, and not of a size that the model takes."""
    return InputImageError(param, sent, allowed, code="unsupported_value")

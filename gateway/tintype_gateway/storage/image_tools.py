"""The converter and the image store that all requests share."""

from dataclasses import dataclass, field
from typing import Literal

from tintype_gateway.errors import UnsupportedParameterError
from tintype_gateway.images.converter import Converter, default_workers
from tintype_gateway.storage.interface import ImageStore

ResponseFormat = Literal["b64_json", "url"]


@dataclass(frozen=True)
class ImageTools:
    """Converts and stores images."""

    converter: Converter = field(default_factory=lambda: Converter(default_workers()))
    store: ImageStore | None = None
    url_seconds: int = 3600
    """How long the URL of an image is valid."""

    default_response_format: ResponseFormat = "b64_json"

    def wants_url(self, asked: ResponseFormat | None, *, stream: bool) -> bool:
        """Return whether a request with this `response_format`, or with none, gets URLs.

        A stream gets URLs only if the request asks for them.

        Raises:
            UnsupportedParameterError: The request needs URLs, and there is no image store.
        """
        default = "b64_json" if stream else self.default_response_format
        wanted = (asked or default) == "url"
        if wanted and self.store is None:
            raise UnsupportedParameterError(
                "`response_format: url` needs an image store, which this gateway does not "
                "have (AWS_S3_BUCKET or TINTYPE_IMAGE_STORE_DIR): use `b64_json`",
                param="response_format",
            )
        return wanted

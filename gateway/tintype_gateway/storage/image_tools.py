"""What is done with images beside passing them on: they are converted, and stored."""

from dataclasses import dataclass, field
from typing import Literal

from tintype_gateway.errors import UnsupportedParameterError
from tintype_gateway.images.converter import Converter, default_workers
from tintype_gateway.storage.interface import ImageStore

ResponseFormat = Literal["b64_json", "url"]


@dataclass(frozen=True)
class ImageTools:
    """The converter and the store that requests share."""

    converter: Converter = field(default_factory=lambda: Converter(default_workers()))
    store: ImageStore | None = None
    url_seconds: int = 3600
    """How long the URL of an image works."""

    default_response_format: ResponseFormat = "b64_json"

    def wants_url(self, asked: ResponseFormat | None, *, stream: bool) -> bool:
        """Return whether a request that asked for this format, or for none, is answered with URLs.

        A stream never is, unless it asks.

        Raises:
            UnsupportedParameterError: It is, and there is no store.
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

"""The settings of the guardrail, a part of the gateway's settings."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tintype_gateway.webhooks.urls import check_url

ImageDetail = Literal["none", "sha256", "preview"]
"""What the policy service gets of images: nothing, digests, or digests and small previews."""


def _url(url: str) -> str:
    """Return a URL that can be called. The error does not repeat it."""
    if url:
        check_url(url)
    return url


class GuardrailSettings(BaseSettings):
    """Which policy service judges prompts and images, and what happens without a verdict."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True)

    guardrail_url: Annotated[
        str, Field(json_schema_extra={"writeOnly": True}), AfterValidator(_url)
    ] = ""
    """The policy service that judges each prompt before anything is held: https://HOST/PATH, or
    http:// for a server in a private network that TINTYPE_ALLOWED_PRIVATE_NETWORKS includes.
    Without it nothing is judged."""

    guardrail_secrets_file: Path | None = None
    """A file with the secrets that sign what the policy service is asked, a `whsec_...` in each
    line. It is read anew for each question."""

    guardrail_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 2.0
    """How long the policy service may take for a verdict."""

    guardrail_on_failure: Literal["closed", "open"] = "closed"
    """What happens without a verdict: `closed` refuses the request, `open` lets it pass."""

    guardrail_input_images: ImageDetail = "none"
    """What the policy service gets of the images of a request: `none`, `sha256` or `preview`."""

    guardrail_output_images: ImageDetail = "none"
    """Whether the policy service judges images before they are delivered, and by what: `sha256` or
    `preview`. Such requests are buffered, and have no previews. With `none` it does not."""

    @model_validator(mode="after")
    def _guardrail_is_signed(self) -> Self:
        if self.guardrail_url and self.guardrail_secrets_file is None:
            raise ValueError("TINTYPE_GUARDRAIL_URL needs TINTYPE_GUARDRAIL_SECRETS_FILE")
        return self

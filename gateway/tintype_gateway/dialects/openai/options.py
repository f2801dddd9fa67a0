"""The options of a binding, and those of OpenAI itself."""

from tintype_catalog.api_options import ApiOptions, MaskOptions, SentFields
from tintype_catalog.catalog import Binding

OPENAI = ApiOptions(
    send=SentFields(response_format="Omit", auto="Send"),
    mask=MaskOptions(convention="alpha"),
    streaming=True,
)
"""The GPT models: they always give base64, and refuse `response_format`."""

DALL_E = OPENAI.model_copy(
    update={"send": SentFields(response_format="b64_json", auto="Send"), "streaming": False}
)


def options_of(binding: Binding) -> ApiOptions:
    """Return what the server of a binding takes."""
    if binding.api is not None:
        return binding.api
    return DALL_E if binding.upstream_model.startswith("dall-e") else OPENAI

"""How a server that has the paths of OpenAI's Images API differs from OpenAI.

Servers of open models have these paths, and each takes other fields and gives other responses. The
options describe a server as data, so that it needs no code of its own.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue

from tintype_catalog.connection import LocalReference
from tintype_catalog.contract import AtMostBytes, Contract, FieldName, FieldPath, cel
from tintype_catalog.operations import OperationName

MaskConvention = Literal["alpha", "black_edits", "white_edits", "luminance_edits"]
"""How a provider reads a mask: the area to change is transparent, black, white, or changes more the
lighter it is."""

HEADER_NAME = r"^[A-Za-z][A-Za-z0-9-]*$"

HeaderName = Annotated[str, Field(pattern=HEADER_NAME, max_length=64)]
"""The name of an HTTP header."""

PathPrefix = Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$", max_length=256)]
"""A path that begins with a slash and does not end with one, or nothing."""

DEFAULT_PREFIX = "/v1"

SET_BY_GATEWAY = frozenset(
    {
        *{"model", "prompt", "n", "size", "width", "height", "response_format"},
        *{"stream", "partial_images", "image", "mask", "mask_image"},
    }
)
"""Fields that the gateway fills in by itself."""

CONNECTION_HEADERS = frozenset(
    {
        *{"host", "connection", "upgrade", "expect", "te", "trailer", "keep-alive"},
        *{"content-length", "content-type", "transfer-encoding", "accept", "accept-encoding"},
    }
)
"""Headers that HTTP itself uses, so that no binding sets them."""


def _not_of_the_connection(name: str) -> str:
    if name.lower() in CONNECTION_HEADERS:
        raise ValueError("`keyHeader` must not be a header that HTTP itself uses")
    return name


def _not_set_by_the_gateway(defaults: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if taken := sorted(SET_BY_GATEWAY.intersection(defaults)):
        raise ValueError(f"{', '.join(taken)}: the gateway sets this field itself")
    return defaults


class MaskOptions(Contract):
    """How a server takes masks."""

    convention: MaskConvention
    """Which pixels of a mask change: transparent ones (`alpha`, as OpenAI), black ones, white ones,
    or the more the lighter they are (`luminance_edits`)."""

    field: Literal["mask", "mask_image"] = "mask"
    """The field that holds the mask."""


class EditOptions(Contract):
    """How a server takes the images of an edit."""

    path: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=64)] = "edits"
    """The last part of the path, behind `/images/`."""

    body: Literal["Form", "Json"] = "Form"
    """Whether images are files of a form, or data URLs in JSON."""

    image_field: FieldName = "image"
    """The field that holds the image. In a form, several images are `image[]`, in JSON a list."""


class SentFields(Contract):
    """Which fields a server gets, and in which form."""

    response_format: Literal["b64_json", "url", "Omit"] = "b64_json"
    """What to ask for. Images that come back as URLs are fetched, from the host of the endpoint
    only."""

    image_count: Literal["Send", "Omit"] = "Send"
    """`Omit` leaves out `n`, for a server that makes one image in each call."""

    size: Literal["Size", "WidthHeight", "Omit"] = "Size"
    """`Size` sends `size: 1024x1024`, `WidthHeight` sends `width` and `height`."""

    auto: Literal["Send", "Omit", "Default"] = "Default"
    """What is sent for the size `auto`: the word itself, no size, or the model's default size."""

    quality: Literal["Send", "Omit"] = "Send"
    """Whether `quality` is sent, where the request and the model have one."""

    stream: Literal["Send", "Omit"] = "Omit"
    """Whether a call that wants no stream says `stream: false`."""

    seed: Literal["Send", "Omit", "Random"] = "Send"
    """`Random` sends a random seed where a request has none, for a server whose own one is fixed:
    without it equal prompts give equal images."""


class ApiOptions(Contract):
    """How a server differs from OpenAI. Without options a binding is called as OpenAI is."""

    model_config = cel(
        (
            "!has(self.keyHeader) || !(self.keyHeader.lowerAscii() in "
            f"{sorted(CONNECTION_HEADERS)})",
            "`keyHeader` must not be a header that HTTP itself uses",
        )
    )

    path_prefix: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$", max_length=256)] = (
        DEFAULT_PREFIX
    )
    """The path between the endpoint and `/images/generations`."""

    send: SentFields = SentFields()
    """Which fields the server gets."""

    operations: Annotated[tuple[OperationName, ...], Field(min_length=1, max_length=3)] = (
        "generation",
        "edit",
        "variation",
    )
    """The operations that the server has, of those that the model has."""

    edits: EditOptions = EditOptions()
    """How the server takes the images of an edit."""

    mask: MaskOptions | None = None
    """How the server takes masks. Without it, no request with a mask is sent here."""

    streaming: bool = False
    """Whether the server streams OpenAI's events."""

    allowed_fields: Annotated[tuple[FieldPath, ...], Field(max_length=64)] | None = None
    """The provider parameters that clients may send here, of those that the model has. By default
    all but those that name paths, URLs, devices, weights or scripts of the server: these must be
    listed."""

    defaults: Annotated[
        dict[FieldName, JsonValue],
        Field(max_length=64),
        AfterValidator(_not_set_by_the_gateway),
        AfterValidator(AtMostBytes(8192)),
    ] = {}
    """Fields that each call has. Clients cannot change them. At most 8192 bytes as JSON."""

    query: Annotated[
        dict[
            Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=64)],
            Annotated[str, Field(pattern=r"^[A-Za-z0-9._~:/-]*$", max_length=128)],
        ],
        Field(max_length=16),
    ] = {}
    """Query parameters of each call."""

    key_header: Annotated[HeaderName, AfterValidator(_not_of_the_connection)] = "Authorization"
    """The header with the key: `Authorization` holds `Bearer KEY`, any other one the key alone."""

    headers_secret_ref: LocalReference | None = None
    """The Secret with further headers of each call: a key is the name of a header, its value the
    header's. It has the label `tintype.dev/provider-credentials: "true"`, and the annotation
    `tintype.dev/allowed-hosts` with the host, also where it is the provider's own. At most 16
    headers of 4096 bytes each."""

    refused_in_prompts: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=32)], ...], Field(max_length=8)
    ] = ()
    """Texts that mean something to the server, so that no prompt may hold them, such as LocalAI's
    `|`. `sd_cpp_extra_args` is always refused."""

    strip_text: bool = False
    """Whether text that a server embeds in images, such as the prompt and the workflow, is
    removed."""

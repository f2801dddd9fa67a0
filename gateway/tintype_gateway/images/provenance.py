"""Whether a picture carries C2PA Content Credentials, read from its file.

A C2PA manifest is a JUMBF box beside the pixels (C2PA specification 2.2, A.3): in a PNG a `caBX`
chunk, in a WebP a `C2PA` chunk, in a JPEG one or more APP11 segments. Its signature is not
checked: whether to trust it is for whoever looks at the picture.
"""

from tintype_gateway.images.chunks import Chunk, chunks
from tintype_gateway.images.encoded import EncodedBytes

_APP11 = b"\xff\xeb"

_JUMBF_HEADER = 64
"""Bytes of an APP11 segment that hold the label of the box in it: ISO 19566-5 puts it first."""


def has_c2pa(text: bytes | memoryview, form: str) -> bool:
    """Return whether there is a C2PA manifest in a base64-encoded `png`, `jpeg` or `webp`.

    Raises:
        ValueError: The text is not base64.
    """
    file = EncodedBytes(text)
    return any(_is_manifest(chunk, file) for chunk in chunks(file, form))


def _is_manifest(chunk: Chunk, file: EncodedBytes) -> bool:
    if chunk.name == _APP11:
        label = file.read(chunk.start, min(chunk.end - chunk.start, _JUMBF_HEADER))
        return label.startswith(b"JP") and b"c2pa" in label
    return chunk.name in (b"caBX", b"C2PA")

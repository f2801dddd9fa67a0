"""A parser of multipart/form-data (RFC 7578) that is fed bytes and gives events: it does no I/O.

The one of aiohttp looks for the first boundary without bounds, and fails in several ways where a
body is broken. This one keeps less than 9 KiB of what it was fed, has one error, and refuses what
two readers could understand in two ways.
"""

import re
from collections.abc import Iterator, Mapping
from enum import Enum, auto
from typing import NamedTuple

MAX_PREAMBLE_BYTES = 1024
"""What may stand before the first boundary, and after the last one."""

MAX_HEAD_BYTES = 8 * 1024
"""The headers of a part."""

_MAX_PADDING_BYTES = 64
_PARAMETER = re.compile(
    r"""[ \t]*;[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=("(?:[^"\\]|\\.)*+"|[^\s";,]++)""", re.DOTALL
)
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
"""RFC 2046, 5.1.1."""

_IDENTITIES = {"7bit", "8bit", "binary"}
"""What Content-Transfer-Encoding may say, since it changes nothing."""


class MalformedFormError(ValueError):
    """The body is no multipart/form-data. The message ends a sentence that begins with the body."""


class PartHead(NamedTuple):
    """A part begins."""

    name: str
    filename: str | None
    """None for a text. The client's word: it may be empty, or a path."""


class PartEnd(NamedTuple):
    """A part is complete, if the form is."""


class FormEnd(NamedTuple):
    """The last boundary was seen."""


FormEvent = PartHead | bytes | PartEnd | FormEnd
"""A part begins, has these bytes, or ends, or all of them have."""


class _State(Enum):
    PREAMBLE = auto()
    BOUNDARY = auto()
    """After a boundary, where its line ends or the form does."""

    HEAD = auto()
    CONTENT = auto()
    EPILOGUE = auto()


class FormParser:
    """Parses one body."""

    def __init__(self, boundary: str) -> None:
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        self._buffer = b"\r\n"  # as if a line had ended before the first boundary
        self._at = 0
        """How much of the buffer was parsed."""

        self._state = _State.PREAMBLE
        self._ignored = 0

    @property
    def is_complete(self) -> bool:
        """Whether the last boundary was seen."""
        return self._state is _State.EPILOGUE

    def feed(self, data: bytes) -> Iterator[FormEvent]:
        """Yield what these bytes bring. Take all of it before more is fed.

        Raises:
            MalformedFormError: The body is no form.
        """
        self._buffer += data
        while True:
            state, at = self._state, self._at
            match state:
                case _State.PREAMBLE:
                    self._skip_preamble()
                case _State.BOUNDARY:
                    yield from self._end_boundary()
                case _State.HEAD:
                    yield from self._read_head()
                case _State.CONTENT:
                    yield from self._read_content()
                case _State.EPILOGUE:
                    self._ignore(self._left())
            if state is self._state and at == self._at:
                self._buffer, self._at = self._buffer[at:], 0
                return

    def finish(self) -> None:
        """Do nothing, if the body was complete.

        Raises:
            MalformedFormError: It was not.
        """
        if self._state is _State.PREAMBLE:
            raise MalformedFormError("does not have the boundary that its Content-Type names")
        if not self.is_complete:
            raise MalformedFormError("ends before its last boundary")

    def _left(self) -> int:
        """Return how many bytes are still to be parsed."""
        return len(self._buffer) - self._at

    def _skip_preamble(self) -> None:
        start = self._buffer.find(self._delimiter, self._at)
        if start >= 0:
            self._ignore(start - self._at)
            self._at += len(self._delimiter)
            self._state = _State.BOUNDARY
        else:
            self._ignore(max(0, self._left() - len(self._delimiter) + 1))

    def _end_boundary(self) -> Iterator[FormEvent]:
        if self._left() < 2:
            return
        if self._buffer.startswith(b"--", self._at):
            self._at += 2
            self._state, self._ignored = _State.EPILOGUE, 0
            yield FormEnd()
            return
        end = self._buffer.find(b"\r\n", self._at, self._at + _MAX_PADDING_BYTES)
        padding = self._buffer[self._at : max(self._at, end)].strip(b" \t")
        if padding or (end < 0 and self._left() >= _MAX_PADDING_BYTES):
            raise MalformedFormError("has a line that only begins with its boundary")
        if end >= 0:
            self._at = end  # the line's end may be that of an empty head
            self._state = _State.HEAD

    def _read_head(self) -> Iterator[FormEvent]:
        end = self._buffer.find(b"\r\n\r\n", self._at, self._at + MAX_HEAD_BYTES)
        if end >= 0:
            head = part_head(self._buffer[self._at + 2 : end])
            self._at = end + 4
            self._state = _State.CONTENT
            yield head
        elif self._left() >= MAX_HEAD_BYTES:
            raise MalformedFormError(f"has a part with more than {MAX_HEAD_BYTES} bytes of headers")

    def _read_content(self) -> Iterator[FormEvent]:
        end = self._buffer.find(self._delimiter, self._at)
        known = end if end >= 0 else self._start_of_delimiter()
        if known > self._at:
            content = self._buffer[self._at : known]
            self._at = known
            yield content
        if end >= 0:
            self._at += len(self._delimiter)
            self._state = _State.BOUNDARY
            yield PartEnd()

    def _start_of_delimiter(self) -> int:
        """Return where the buffer ends with the beginning of a delimiter: mostly at its end.

        Nothing is left of it then that the next bytes would have to be copied behind.
        """
        first = max(self._at, len(self._buffer) - len(self._delimiter) + 1)
        start = self._buffer.find(b"\r", first)
        while start >= 0 and not self._delimiter.startswith(self._buffer[start:]):
            start = self._buffer.find(b"\r", start + 1)
        return start if start >= 0 else len(self._buffer)

    def _ignore(self, count: int) -> None:
        self._ignored += count
        self._at += count
        if self._ignored > MAX_PREAMBLE_BYTES:
            where = "after its last" if self.is_complete else "before its first"
            raise MalformedFormError(
                f"has more than {MAX_PREAMBLE_BYTES} bytes {where} boundary: it must begin and end "
                "with the boundary that its Content-Type names, in lines that end with CR LF"
            )


def boundary_of(content_type: str) -> str:
    """Return the boundary that a Content-Type names.

    Raises:
        MalformedFormError: It names none, or one that is not allowed.
    """
    _, separator, parameters = content_type.partition(";")
    boundary = _parameters(separator + parameters).get("boundary", "")
    if _BOUNDARY.fullmatch(boundary) is None:
        raise MalformedFormError("needs a boundary of 1 to 70 characters in its Content-Type")
    return boundary


def part_head(head: bytes) -> PartHead:
    """Return what the headers of a part say.

    Raises:
        MalformedFormError: They are no headers, or of a part that is not read.
    """
    headers = _headers(head)
    encoding = headers.get("content-transfer-encoding", "binary")
    if encoding.lower() not in _IDENTITIES:
        raise MalformedFormError(
            f"has a part with Content-Transfer-Encoding {encoding[:32]!a}: send bytes as they are"
        )
    kind, separator, rest = headers.get("content-disposition", "").partition(";")
    parameters = _parameters(separator + rest)
    if kind.strip().lower() != "form-data" or not parameters.get("name"):
        raise MalformedFormError(
            'has a part without a name: each needs `Content-Disposition: form-data; name="..."`'
        )
    has_file = "filename" in parameters or "filename*" in parameters
    return PartHead(parameters["name"], parameters.get("filename", "file") if has_file else None)


def _headers(head: bytes) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").split("\r\n") if head else ():
        name, separator, value = line.partition(":")
        known = name.lower()
        if not separator or not name or name != name.strip() or known in headers:
            raise MalformedFormError("has a part whose headers cannot be read")
        headers[known] = value.strip()
    return headers


def _parameters(text: str) -> Mapping[str, str]:
    """Return the parameters of a header's value, from the first semicolon on."""
    parameters: dict[str, str] = {}
    end = 0
    while found := _PARAMETER.match(text, end):
        name, value = found[1].lower(), found[2]
        if value.startswith('"'):
            value = _unescaped(value[1:-1])
        if name in parameters:
            raise MalformedFormError(f"names `{name[:32]}` twice in one header")
        parameters[name] = value
        end = found.end()
    if text[end:].strip(" \t;"):
        raise MalformedFormError("has a header whose parameters cannot be read")
    return parameters


def _unescaped(text: str) -> str:
    """Return a quoted text as its client meant it: browsers write %22, others a backslash."""
    text = text.replace('\\"', '"').replace("%22", '"')
    return text.replace("%0D", "\r").replace("%0A", "\n")

"""Messages that two readers could understand differently.

Each row is one way to hide a second request behind a first one, as HTTP Garden and the studies
before it (CL.TE, TE.CL, TE.TE) list them.
"""

HIDDEN = b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /v1/images/generations HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def with_lines(*lines: bytes) -> bytes:
    return POST + b"".join(line + b"\r\n" for line in lines) + b"\r\n0\r\n\r\n" + HIDDEN


def with_chunks(chunks: bytes) -> bytes:
    return CHUNKED + chunks + HIDDEN


AMBIGUOUS = {
    "both a length and chunks": with_lines(b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    "both, in the other order": with_lines(b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    "two lengths": with_lines(b"Content-Length: 5", b"Content-Length: 6"),
    "the same length twice": with_lines(b"Content-Length: 5", b"Content-Length: 5"),
    "a list of lengths": with_lines(b"Content-Length: 5, 6"),
    "a list of the same length": with_lines(b"Content-Length: 5, 5"),
    "a length with a plus": with_lines(b"Content-Length: +5"),
    "a negative length": with_lines(b"Content-Length: -5"),
    "a length in hexadecimal": with_lines(b"Content-Length: 0x5"),
    "a length with a space in it": with_lines(b"Content-Length: 5 0"),
    "a length with an underscore": with_lines(b"Content-Length: 1_0"),
    "a length that is a fraction": with_lines(b"Content-Length: 5.0"),
    "an empty length": with_lines(b"Content-Length:"),
    "a length in other digits": with_lines(b"Content-Length: \xd9\xa5"),
    "a length that overflows": with_lines(b"Content-Length: 18446744073709551621"),
    "a space before the colon": with_lines(b"Content-Length : 5"),
    "a tab before the colon": with_lines(b"Transfer-Encoding\t: chunked"),
    "a folded header": with_lines(b"Transfer-Encoding:", b" chunked"),
    "a folded first header": POST.replace(b"Host: a", b" Host: a") + b"\r\n",
    "chunks twice": with_lines(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    "chunks in chunks": with_lines(b"Transfer-Encoding: chunked, chunked"),
    "chunks and nothing": with_lines(b"Transfer-Encoding: chunked, identity"),
    "chunks and something": with_lines(b"Transfer-Encoding: chunked, cow"),
    "another encoding": with_lines(b"Transfer-Encoding: xchunked"),
    "a quoted encoding": with_lines(b'Transfer-Encoding: "chunked"'),
    "an encoding behind a vertical tab": with_lines(b"Transfer-Encoding: \x0bchunked"),
    "an encoding with a null byte": with_lines(b"Transfer-Encoding: chunked\x00"),
    "an encoding behind a bare return": with_lines(b"X: a\rTransfer-Encoding: chunked"),
    "a bare line feed in the head": POST.replace(b"\r\n", b"\n") + b"\n",
    "chunks in HTTP/1.0": with_lines(b"Transfer-Encoding: chunked").replace(b"/1.1", b"/1.0", 1),
    "a chunk size in words": with_chunks(b"five\r\nhello\r\n0\r\n\r\n"),
    "a chunk size with 0x": with_chunks(b"0x5\r\nhello\r\n0\r\n\r\n"),
    "a chunk size with a sign": with_chunks(b"+5\r\nhello\r\n0\r\n\r\n"),
    "a chunk size behind a space": with_chunks(b" 5\r\nhello\r\n0\r\n\r\n"),
    "a chunk size that overflows": with_chunks(b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    "a chunk that is longer than it says": with_chunks(b"2\r\nhello\r\n0\r\n\r\n"),
    "a chunk that ends in a bare line feed": with_chunks(b"5\r\nhello\n0\r\n\r\n"),
    "a chunk size that ends in a bare line feed": with_chunks(b"5\nhello\r\n0\r\n\r\n"),
    "an extension with a bare line feed": with_chunks(b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    "no name": with_lines(b": 5"),
    "no colon": with_lines(b"Content-Length 5"),
    "two hosts": with_lines(b"Host: b", b"Content-Length: 5"),
    "no host": with_lines(b"Content-Length: 5").replace(b"Host: a\r\n", b"", 1),
    "a space in the path": b"GET /v1/models /x HTTP/1.1\r\nHost: a\r\n\r\n" + HIDDEN,
    "a version of its own": HIDDEN.replace(b"HTTP/1.1", b"HTTP/1.1.1") + HIDDEN,
    "a version of the past": b"GET /v1/models\r\n\r\n" + HIDDEN,
}

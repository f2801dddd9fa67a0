"""The files of admin tokens: `NAME.ROLE`, with a token in each line.

They fit into a Secret that is mounted as a folder. A name has several tokens while it is rotated:
the new one is added, its users change over, and the old one is removed.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tintype_gateway.auth.admin.roles import ROLES, AdminCaller, Role

MIN_TOKEN_CHARACTERS = 16

TOKEN_FORM = f"must have at least {MIN_TOKEN_CHARACTERS} characters, all of them visible ASCII"

_TOKEN = re.compile(rf"[\x21-\x7e]{{{MIN_TOKEN_CHARACTERS},}}")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True)
class TokenFiles:
    """What a folder of token files says."""

    callers: Mapping[bytes, AdminCaller]
    """The caller that each token belongs to, by the token's SHA-256."""

    problems: Sequence[str]
    """What is wrong, by file. No text repeats a part of a token."""


def is_token(text: str) -> bool:
    """Return whether a header can hold the text, and guessing it is not practical."""
    return _TOKEN.fullmatch(text) is not None


def digest(token: bytes) -> bytes:
    """Return the SHA-256 of a token, by which the time of a look-up tells nothing of it."""
    return hashlib.sha256(token).digest()


def is_token_file(name: str) -> bool:
    """Return whether a file is meant to have tokens: all but hidden ones are."""
    return not name.startswith(".")


def parse_token_files(files: Mapping[str, bytes]) -> TokenFiles:
    """Return the tokens in the files, by file name, which are valid; and what is wrong with others.

    A file with a defect has no valid tokens, because its author meant something else. A token that
    stands in two files has no valid owner.
    """
    callers: dict[bytes, AdminCaller] = {}
    file_of: dict[bytes, str] = {}
    problems: list[str] = []
    ambiguous: set[bytes] = set()
    for name, content in sorted(files.items()):
        owner = _caller(name)
        tokens = [line.strip() for line in content.splitlines() if line.strip()]
        if owner is None:
            problems.append(
                f"{name}: the name must be NAME.ROLE, with a role of {', '.join(ROLES)}"
            )
        elif not all(is_token(token.decode("latin-1")) for token in tokens):
            problems.append(f"{name}: each line {TOKEN_FORM}")
        else:
            digests = {digest(token) for token in tokens}
            if shared := digests & callers.keys():
                problems.append(f"{name}: has a token that stands in {file_of[min(shared)]}, too")
            ambiguous |= shared
            file_of = dict.fromkeys(digests, name) | file_of
            callers |= dict.fromkeys(digests, owner)
    valid = {key: caller for key, caller in callers.items() if key not in ambiguous}
    return TokenFiles(valid, tuple(problems))


def _caller(file: str) -> AdminCaller | None:
    name, _, suffix = file.rpartition(".")
    role: Role | None = next((role for role in ROLES if role == suffix), None)
    if role is None or _NAME.fullmatch(name) is None:
        return None
    return AdminCaller(name, "token", role)

"""Derives the account that pays from the claims of a token."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

_REFERENCE = re.compile(r"\{([^{}]*)\}")

FORM = "must be the name of a claim, or text with claims in braces such as {sub}"


class ClaimError(ValueError):
    """The claims name no account. The message continues the words `the token`."""


@dataclass(frozen=True)
class AccountClaim:
    """A template of account names: claims, and the fixed text around them.

    A claim is named as in the token, or by a JSON Pointer (RFC 6901) if it is nested:
    Kubernetes has the namespace of a ServiceAccount in `/kubernetes.io/namespace`.
    """

    texts: tuple[str, ...]
    """The text before, between and after the claims: one part more than there are claims."""

    claims: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `sub`, `{sub}` or
        `{/kubernetes.io/namespace}/{/kubernetes.io/serviceaccount/name}`.

        Raises:
            ValueError: The text has another form.
        """
        parts = _REFERENCE.split(text)
        texts, claims = tuple(parts[::2]), tuple(parts[1::2])
        if any(brace in "".join(texts) for brace in "{}") or not all(claims):
            raise ValueError(FORM)
        if not claims and text:
            return cls(("", ""), (text,))
        if not claims or not all(texts[1:-1]):
            raise ValueError(f"{FORM}, with something between them")
        return cls(texts, claims)

    def account(self, token: Mapping[str, Any]) -> str:
        """Return the name of the account.

        A claim must not contain the character that follows it in the template, because two tokens
        could then name the same account: `a/b` and `c`, or `a` and `b/c`.

        Raises:
            ClaimError: A claim is missing, or is not text that can name an account.
        """
        values = [_text(token, claim) for claim in self.claims]
        for claim, value, following in zip(self.claims, values, self.texts[1:-1], strict=False):
            if following[0] in value:
                raise ClaimError(f"must not contain {following[0]!r} in its claim `{claim}`")
        pairs = zip(self.texts, [*values, ""], strict=True)
        return "".join(text + value for text, value in pairs)


SUBJECT = AccountClaim.parse("sub")

NAMESPACE = AccountClaim.parse("/kubernetes.io/namespace")


def namespace_of(token: Mapping[str, Any]) -> str | None:
    """Return the namespace of a Kubernetes ServiceAccount; None for any other token."""
    found = _found(token, NAMESPACE.claims[0])
    return found if isinstance(found, str) else None


def _text(token: Mapping[str, Any], claim: str) -> str:
    value = _found(token, claim)
    if value is None:
        raise ClaimError(f"has no claim `{claim}`, which names the account")
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ClaimError(
            f"has a claim `{claim}` that is not printable text, so it names no account"
        )
    return value


def _found(token: Mapping[str, Any], claim: str) -> object:
    """Return the value of a claim's name or pointer, or None."""
    if not claim.startswith("/"):
        return token.get(claim)
    found: object = token
    for step in claim[1:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    return found

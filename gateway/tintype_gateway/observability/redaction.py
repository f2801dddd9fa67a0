"""Foreign texts as they may be shown: of bounded length, on one line, and without secrets."""

import re

_SECRETS = re.compile(
    r"""
      \b(?:sk|rk|pk|sess)-[\w*.-]{4,}                      # keys of OpenAI and of ours, also masked
    | \bAIza[\w-]{10,}                                     # keys of Google
    | \bya29\.[\w.-]+                                      # its OAuth tokens
    | \b(?:AKIA|ASIA|ABSK)[A-Za-z0-9+/=]{8,}               # keys of AWS, and its bearer tokens
    | \beyJ[\w-]+\.[\w.-]+                                 # JWTs
    | \bBearer\s+[^\s,;"']+
    | \b(?:api[_-]?key|key|token|password|secret|signature|credential|security-token)=[^\s&"',;]+
    | \bkey(?:\ provided)?:\ *[^\s,;"']+                     # OpenAI's echo of a wrong key
    | (?=[\w+/]*\d)[\w+/]{32,}={0,2}                        # anything as long as a key
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)

REMOVED = "[removed]"


def shown(text: str, limit: int) -> str:
    """Return at most `limit` characters of a text, on one line, with its secrets removed.

    What looks like a key is one: a long identifier may be removed as well.
    """
    bounded = text[: 4 * limit]  # a secret that is cut below must have been whole before
    line = " ".join("".join(c if c.isprintable() else " " for c in bounded).split())
    clean = _SECRETS.sub(REMOVED, line)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"

"""Words in a prompt that make refusals easy to rehearse, for the dialects that refuse by image.

`forbidden` refuses the prompt, `flagged` refuses every image that it led to, and `half-flagged`
the later half of them.
"""

import re

FORBIDDEN = re.compile(r"\bforbidden\b", re.IGNORECASE)
FLAGGED = re.compile(r"\b(half-)?flagged\b", re.IGNORECASE)


def is_forbidden(prompt: str) -> bool:
    """Return whether the prompt itself is refused."""
    return FORBIDDEN.search(prompt) is not None


def delivered(prompt: str, images: int) -> int:
    """Return how many of so many images are not refused."""
    match = FLAGGED.search(prompt)
    if match is None:
        return images
    return images // 2 if match[1] else 0

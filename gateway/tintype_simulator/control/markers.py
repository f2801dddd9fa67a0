"""Words in a prompt, and colors of an input image, that trigger refusals.

`forbidden` refuses the prompt, `flagged` refuses every image that it led to, and `half-flagged`
the later half of them. `nowhere` in the words that name a region finds no such region. An input
image that is magenta all over is refused.
"""

import re

from PIL import Image, ImageStat

FORBIDDEN = re.compile(r"\bforbidden\b", re.IGNORECASE)
FLAGGED = re.compile(r"\b(half-)?flagged\b", re.IGNORECASE)
NOWHERE = re.compile(r"\bnowhere\b", re.IGNORECASE)

MAGENTA = ((250, 255), (0, 5), (250, 255))
"""The values of red, green and blue in a refused image: a JPEG does not keep colors exactly."""


def is_forbidden(prompt: str) -> bool:
    """Return whether the prompt itself is refused."""
    return FORBIDDEN.search(prompt) is not None


def delivered(prompt: str, images: int) -> int:
    """Return how many of this number of images are not refused."""
    match = FLAGGED.search(prompt)
    if match is None:
        return images
    return images // 2 if match[1] else 0


def finds_nothing(words: str) -> bool:
    """Return whether words that name a region of an image find none."""
    return NOWHERE.search(words) is not None


def is_forbidden_image(image: Image.Image) -> bool:
    """Return whether an input image, in mode `RGB`, is refused."""
    return all(
        lowest <= dark and bright <= highest
        for (lowest, highest), (dark, bright) in zip(
            MAGENTA, ImageStat.Stat(image).extrema, strict=True
        )
    )

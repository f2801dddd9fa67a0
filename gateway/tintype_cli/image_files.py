"""The files that images are saved as."""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from tintype_cli.images_client import Adjusted, FinalImage, Partial
from tintype_cli.progress import Progress

FORMATS = {
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".webp": "webp",
    ".gif": "gif",
    ".svg": "svg",
}
"""The format for the suffix of a file's name."""


def add_force(parser: argparse.ArgumentParser) -> None:
    """Add the flag `--force`."""
    parser.add_argument("--force", action="store_true", help="overwrite existing files")


def checked_files(
    parser: argparse.ArgumentParser, output: Path, count: int, *, force: bool
) -> Sequence[Path]:
    """Return the files of images: FILE, or FILE-1, FILE-2, ... before its suffix.

    The parser reports those that exist, unless they may be overwritten, and a missing folder.
    """
    paths = [output]
    if count > 1:
        paths = [output.with_stem(f"{output.stem}-{number}") for number in range(1, count + 1)]
    taken = [str(path) for path in paths if path.exists()]
    if taken and not force:
        parser.error(f"these files exist: {', '.join(taken)}. Use another -o, or --force")
    if not output.parent.is_dir():
        parser.error(f"{output.parent} is not a folder")
    return paths


def save_images(
    arriving: Iterable[Adjusted | Partial | FinalImage], paths: Sequence[Path], progress: Progress
) -> int:
    """Save each image when it arrives, so that a later error does not lose charged images.

    Returns:
        How many were saved.
    """
    saved = 0
    for event in arriving:
        match event:
            case Adjusted():
                progress.note(f"adjusted: {event.changes}")
            case Partial():
                progress.show(f"preview {event.step} of image {saved + 1}")
            case FinalImage(refused=True, reason=reason):
                cause = f": {reason}" if reason else ""
                progress.note(f"the provider withheld an image, which was not charged{cause}")
            case FinalImage():
                paths[saved].write_bytes(event.content)
                progress.note(f"{paths[saved]}  {event.properties}")
                saved += 1
    return saved

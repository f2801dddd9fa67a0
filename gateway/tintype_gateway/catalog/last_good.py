"""The last catalog that was served, on disk: for a restart while no channel brings a good one."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import Base64Bytes, TypeAdapter

log = logging.getLogger(__name__)

_FILES = TypeAdapter(dict[str, Base64Bytes])


class LastGood:
    """One file that holds all files of a catalog, so that it is replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Mapping[str, bytes] | None:
        """Return the files of the catalog, None where there are none to be read."""
        try:
            return _FILES.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.warning("last good catalog not read", extra={"error": str(error)})
            return None

    def write(self, files: Mapping[str, bytes]) -> None:
        """Replace the catalog. Without it a gateway serves all the same, so a fault is but told."""
        replacement = self._path.with_suffix(f".{os.getpid()}")
        try:
            with replacement.open("wb") as stream:
                stream.write(_FILES.dump_json(dict(files)))
                stream.flush()
                os.fsync(stream.fileno())
            replacement.replace(self._path)
        except OSError as error:
            log.warning("last good catalog not kept", extra={"error": str(error)})

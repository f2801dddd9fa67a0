"""The admin tokens that are valid now: that of the settings, and those of a watched folder."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from tintype_gateway.auth.admin.roles import AdminCaller
from tintype_gateway.auth.admin.token_files import digest, is_token_file, parse_token_files
from tintype_gateway.runtime.folder_watch import looks, read_files

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""The time between two reads of the folder without a notification of a change."""

DEFAULT = AdminCaller("default", "token", "admin")
"""The caller with the token of the settings."""


class AdminTokens:
    """Finds the owners of tokens."""

    def __init__(self, token: str | None = None, folder: Path | None = None) -> None:
        """Accept the token of the settings, and those of the folder once it is loaded."""
        self._own = {} if token is None else {digest(token.encode()): DEFAULT}
        self._folder = folder
        self._files: Mapping[str, bytes] | None = None
        self._of_folder: Mapping[bytes, AdminCaller] = {}

    def find(self, token: bytes) -> AdminCaller | None:
        """Return the owner of a token, or None."""
        key = digest(token)
        return self._own.get(key) or self._of_folder.get(key)

    def callers(self) -> Sequence[AdminCaller]:
        """Return the owner of each valid token."""
        return (*self._own.values(), *self._of_folder.values())

    async def load(self) -> None:
        """Take the tokens that the folder has now; none if there is no folder any more.

        Raises:
            OSError: A file cannot be read, or the kubelet is replacing them: the last ones count.
        """
        if self._folder is None:
            return
        try:
            files = await asyncio.to_thread(read_files, self._folder, is_token_file)
        except OSError:
            if self._folder.is_dir():
                raise
            files = {}
        if files != self._files:
            self._take(files)

    async def follow(self) -> None:
        """Load the folder now and after each change."""
        if self._folder is None:
            return
        async for _ in looks(self._folder, recursive=False, every_seconds=LOOK_SECONDS):
            try:
                await self.load()
            except OSError as error:
                log.warning("admin tokens not read", extra={"error": str(error)})

    def _take(self, files: Mapping[str, bytes]) -> None:
        parsed = parse_token_files(files)
        self._files, self._of_folder = files, parsed.callers
        for problem in parsed.problems:
            log.error("admin token file not usable", extra={"problem": problem})
        owners = {f"{each.name} ({each.role})" for each in parsed.callers.values()}
        log.info("admin tokens loaded", extra={"owners": sorted(owners)})

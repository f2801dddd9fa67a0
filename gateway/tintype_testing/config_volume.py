"""A mounted ConfigMap or Secret, updated like the kubelet's atomic writer."""

import shutil
from collections.abc import Mapping
from pathlib import Path


class Volume:
    """A folder whose content is replaced by switching one symbolic link."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._versions = 0
        path.mkdir()

    def write(self, files: Mapping[str, bytes]) -> None:
        """Replace all files atomically."""
        self._versions += 1
        version = self.path / f"..2026_11_20_12_00_00.{self._versions}"
        version.mkdir()
        for name, content in files.items():
            (version / name).write_bytes(content)
        data, link = self.path / "..data", self.path / "..data_tmp"
        before = data.resolve() if data.is_symlink() else None
        link.symlink_to(version.name)
        link.rename(data)
        for name in files:
            shown = self.path / name
            if not shown.is_symlink():
                shown.symlink_to(Path("..data") / name)
        if before is not None:
            shutil.rmtree(before)

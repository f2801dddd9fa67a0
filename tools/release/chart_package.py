"""Packs the chart as helm does, but equal files to equal bytes.

helm writes the time of packing into an archive. This one has the time that it is given, and, of a
release, the registry of its images and what Artifact Hub shows of it.
"""

import gzip
import io
import re
import tarfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

IGNORED = ".helmignore"

REGISTRY = re.compile(r'^(image:\n(?:  .*\n)*?  registry: )""$', re.M)

IMAGES = ("gateway", "operator")


def package(
    chart: Path,
    folder: Path,
    *,
    epoch: int,
    changes: list[dict[str, str]],
    registry: str = "",
    source: str = "",
) -> Path:
    """Write the chart's archive into a folder, and return its path.

    `epoch` is the time of its files in Unix seconds, `registry` the default of `image.registry`,
    and `source` the address of the repository.

    Raises:
        ValueError: values.yaml has no empty default of `image.registry` to replace.
    """
    files = dict(_files(chart))
    metadata = yaml.safe_load(files["Chart.yaml"])
    described = _described(metadata, changes, registry, source)
    files["Chart.yaml"] = yaml.safe_dump(described, sort_keys=False, allow_unicode=True).encode()
    if registry:
        files["values.yaml"] = _with_registry(files["values.yaml"].decode(), registry).encode()
    path = folder / f"{metadata['name']}-{metadata['version']}.tgz"
    path.write_bytes(_archive(metadata["name"], files, epoch))
    return path


def _files(chart: Path) -> Iterator[tuple[str, bytes]]:
    """Each file by its name below the chart; links to folders are followed, as by helm."""
    patterns = (chart / IGNORED).read_text().split()
    for path in _walk(chart):
        if not any(fnmatch(path.name, pattern) for pattern in patterns):
            yield path.relative_to(chart).as_posix(), path.read_bytes()


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path


def _described(
    metadata: dict[str, Any], changes: list[dict[str, str]], registry: str, source: str
) -> dict[str, Any]:
    annotations = dict(metadata["annotations"])
    if changes:
        annotations["artifacthub.io/changes"] = yaml.safe_dump(changes, allow_unicode=True)
    if registry:
        tag = metadata["appVersion"]
        images = [{"name": n, "image": f"{registry}/tintype-{n}:{tag}"} for n in IMAGES]
        annotations["artifacthub.io/images"] = yaml.safe_dump(images)
    address = {"home": source, "sources": [source]} if source else {}
    return metadata | address | {"annotations": annotations}


def _with_registry(values: str, registry: str) -> str:
    text, count = REGISTRY.subn(rf'\g<1>"{registry}"', values)
    if count != 1:
        raise ValueError("values.yaml has no empty image.registry")
    return text


def _archive(name: str, files: dict[str, bytes], epoch: int) -> bytes:
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=epoch) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for path, content in files.items():
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size, entry.mtime, entry.mode = len(content), epoch, 0o644
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()

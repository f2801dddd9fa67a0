"""`tintype crds`: the CustomResourceDefinitions as files."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from tintype_operator.crd import crd_yaml


def main(argv: Sequence[str]) -> int:
    """Write them into a folder."""
    parser = argparse.ArgumentParser(
        prog="tintype crds", description="Work with the CustomResourceDefinitions."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    write = commands.add_parser("write", help="write a file for each definition")
    write.add_argument("folder", type=Path, metavar="DIR", help="an existing folder")
    folder: Path = parser.parse_args(argv).folder
    if not folder.is_dir():
        parser.error(f"{folder} is not a folder")
    for name, text in crd_yaml().items():
        (folder / name).write_text(text)
    return 0

"""Where the playground is in the tree."""

from pathlib import Path

ROOT = Path(__file__).parents[2]

STATIC = ROOT / "gateway" / "tintype_gateway" / "playground" / "static"

MODULES = Path(__file__).parent / "modules"

IMAGES = ROOT / "docs" / "images"

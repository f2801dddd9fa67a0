"""Sound objects that use every field of all kinds."""

from pathlib import Path
from typing import Any

import yaml

MANIFESTS: dict[str, dict[str, Any]] = {
    document["metadata"]["name"]: document
    for document in yaml.safe_load_all(Path(__file__).with_suffix(".yaml").read_text())
}
"""By the name of the object."""

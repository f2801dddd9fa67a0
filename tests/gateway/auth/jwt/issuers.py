"""Files of issuers."""

from pathlib import Path
from typing import Any

import yaml

GOOD: dict[str, Any] = {
    "issuer": "https://issuer.example",
    "audiences": ["tintype"],
    "algorithms": ["ES256"],
    "jwksUrl": "https://issuer.example/keys",
    "accountPrefix": "example:",
}


def written(folder: Path, document: object) -> Path:
    path = folder / "issuers.yaml"
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return path

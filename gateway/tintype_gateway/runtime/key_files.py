"""Files with keys that are made at their first use."""

import os
import secrets
from pathlib import Path


def make_key_file(path: Path, content: bytes) -> None:
    """Create a file, readable only by its owner, unless there is one.

    If several processes create it together, all find the content of one of them.

    Raises:
        OSError: It cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process has created it
    finally:
        draft.unlink()

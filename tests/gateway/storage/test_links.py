"""Signed links, and the key that signs them."""

import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tintype_gateway.errors import ForbiddenError
from tintype_gateway.storage.links import KEY_BYTES, Links, read_or_make_key

NAME = "images/a.png"
LINKS = Links(bytes(KEY_BYTES))


def opened(query: str, name: str = NAME, links: Links = LINKS) -> int:
    fields = {field: values[0] for field, values in parse_qs(query).items()}
    return links.check(name, fields["expires"], fields["signature"])


def code(query: str, name: str = NAME, links: Links = LINKS) -> str | None:
    with pytest.raises(ForbiddenError) as refusal:
        opened(query, name, links)
    assert refusal.value.status == 403
    return refusal.value.code


def test_a_link_opens_its_file_until_it_ends() -> None:
    assert 3590 < opened(LINKS.query(NAME, 3600)) <= 3600


def test_it_opens_no_other_file() -> None:
    assert code(LINKS.query(NAME, 3600), "images/b.png") == "invalid_signature"


def test_it_opens_nothing_after_its_end() -> None:
    an_hour_ago = Links(bytes(KEY_BYTES), clock=lambda: time.time() - 3600)

    assert code(an_hour_ago.query(NAME, 3600)) == "link_expired"


def test_the_expiry_of_a_url_cannot_be_changed() -> None:
    expires, _, signature = LINKS.query(NAME, 60).partition("&")

    assert code(f"{expires}0&{signature}") == "invalid_signature"


@pytest.mark.parametrize("signature", ["", "0" * 64, "ä" * 64])
def test_a_url_cannot_be_signed_without_the_key(signature: str) -> None:
    with pytest.raises(ForbiddenError):
        LINKS.check(NAME, "99999999999", signature)
    assert code(Links(b"\1" * KEY_BYTES).query(NAME, 60)) == "invalid_signature"


def test_the_key_is_created_once_and_readable_only_by_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "key"
    key = read_or_make_key(path)

    assert len(key) == KEY_BYTES
    assert key == read_or_make_key(path)
    assert key != read_or_make_key(tmp_path / "another")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(file.name for file in tmp_path.iterdir()) == ["another", "key"]


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(read_or_make_key, [tmp_path / "key"] * 8))

    assert len(keys) == 1


def test_a_damaged_key_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(ValueError, match="random bytes"):
        read_or_make_key(tmp_path / "key")

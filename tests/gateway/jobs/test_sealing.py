"""What jobs keep of their requests is encrypted, and opens only as what it is."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tintype_gateway.jobs.sealing import (
    KEY_BYTES,
    KeyMissingError,
    SealError,
    Sealing,
    open_sealing,
    read_keys,
)

KEY, OTHER = bytes(range(KEY_BYTES)), bytes(KEY_BYTES)


def line(key: bytes) -> str:
    return base64.b64encode(key).decode() + "\n"


@given(plain=st.binary(max_size=2000), about=st.text(max_size=80))
def test_what_is_sealed_opens_as_it_was(plain: bytes, about: str) -> None:
    assert Sealing([KEY]).open(Sealing([KEY]).seal(plain, about), about) == plain


@given(plain=st.binary(max_size=200), place=st.integers(0), change=st.integers(1, 255))
def test_a_changed_byte_anywhere_does_not_open(plain: bytes, place: int, change: int) -> None:
    sealed = bytearray(Sealing([KEY]).seal(plain, "job:1"))
    sealed[place % len(sealed)] ^= change

    with pytest.raises(SealError):
        Sealing([KEY]).open(bytes(sealed), "job:1")


@given(plain=st.binary(max_size=200), cut=st.integers(1))
def test_a_text_that_is_cut_does_not_open(plain: bytes, cut: int) -> None:
    sealed = Sealing([KEY]).seal(plain, "job:1")

    with pytest.raises(SealError):
        Sealing([KEY]).open(sealed[: cut % len(sealed)], "job:1")


@given(about=st.text(max_size=40), other=st.text(max_size=40))
def test_the_text_of_one_job_does_not_open_as_that_of_another(about: str, other: str) -> None:
    assume(about != other)
    sealed = Sealing([KEY]).seal(b"a red fox", about)

    with pytest.raises(SealError, match="something else"):
        Sealing([KEY]).open(sealed, other)


def test_another_key_does_not_open_it_and_is_named_as_the_reason() -> None:
    sealed = Sealing([KEY]).seal(b"a red fox", "job:1")

    with pytest.raises(KeyMissingError, match="not among those of this gateway"):
        Sealing([OTHER]).open(sealed, "job:1")


def test_an_old_key_opens_what_it_has_sealed_and_the_newest_one_seals() -> None:
    old, rotated = Sealing([OTHER]), Sealing([KEY, OTHER])

    assert rotated.open(old.seal(b"before", "job:1"), "job:1") == b"before"
    assert Sealing([KEY]).open(rotated.seal(b"after", "job:1"), "job:1") == b"after"


def test_equal_texts_are_sealed_differently() -> None:
    assert len({Sealing([KEY]).seal(b"a red fox", "job:1") for _ in range(100)}) == 100


def test_a_file_has_a_key_in_each_line(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(line(KEY) + "\n" + line(OTHER))

    assert read_keys(path) == (KEY, OTHER)


@pytest.mark.parametrize("content", ["", "\n", "no base64!\n", line(KEY[:-1]), line(KEY) + "x\n"])
def test_a_file_without_a_key_or_with_another_line_is_refused_without_its_content(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "keys").write_text(content)

    with pytest.raises(ValueError, match="keys") as refused:
        open_sealing(tmp_path / "keys", make=True)
    assert not content.strip() or content.splitlines()[-1] not in str(refused.value)


def test_a_named_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_sealing(tmp_path / "keys")


def test_a_file_that_is_made_is_its_owners_and_all_processes_use_it(tmp_path: Path) -> None:
    path = tmp_path / "jobs.key"
    with ThreadPoolExecutor(8) as threads:
        opened = list(
            threads.map(lambda make: make(), [partial(open_sealing, path, make=True)] * 8)
        )

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert opened[0].open(opened[-1].seal(b"a red fox", "job:1"), "job:1") == b"a red fox"

"""Which tokens the files of a folder make valid, and what is said of the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.auth.admin.roles import ROLES, AdminCaller, Role
from tintype_gateway.auth.admin.token_files import digest, is_token, parse_token_files

FIRST, SECOND, THIRD = (
    b"first-token-of-the-tests",
    b"second-token-of-tests",
    b"third-token-of-tests",
)


def owner(files: dict[str, bytes], token: bytes) -> AdminCaller | None:
    return parse_token_files(files).callers.get(digest(token))


@pytest.mark.parametrize("role", ROLES)
def test_the_name_of_a_file_gives_owner_and_role(role: Role) -> None:
    assert owner({f"ci.eu-1.{role}": FIRST}, FIRST) == AdminCaller("ci.eu-1", "token", role)


def test_a_file_may_have_several_tokens_while_they_are_rotated() -> None:
    files = {"ci.keys": FIRST + b"\n\n" + SECOND + b"\r\n"}

    assert owner(files, FIRST) == owner(files, SECOND) == AdminCaller("ci", "token", "keys")
    assert owner(files, b"") is None


def test_an_empty_file_has_no_token_and_is_no_defect() -> None:
    parsed = parse_token_files({"ci.keys": b"\n"})

    assert (parsed.callers, parsed.problems) == ({}, ())


@pytest.mark.parametrize(
    "name", ["ci", "ci.editor", ".keys", "a b.keys", "-ci.keys", "ci.Keys", f"{'x' * 64}.keys"]
)
def test_a_file_of_another_name_is_reported_and_not_used(name: str) -> None:
    parsed = parse_token_files({name: FIRST, "ops.admin": SECOND})

    assert list(parsed.callers.values()) == [AdminCaller("ops", "token", "admin")]
    assert parsed.problems == (
        f"{name}: the name must be NAME.ROLE, with a role of viewer, keys, money, admin",
    )


@pytest.mark.parametrize("line", [b"short", b"with a space in the middle", b"not-\xe4scii-" * 3])
def test_a_file_with_one_malformed_line_is_not_used_and_never_repeated(line: bytes) -> None:
    parsed = parse_token_files({"ci.keys": FIRST + b"\n" + line})

    assert parsed.callers == {}
    assert parsed.problems == (
        "ci.keys: each line must have at least 16 characters, all of them visible ASCII",
    )


def test_a_token_in_two_files_belongs_to_neither() -> None:
    parsed = parse_token_files(
        {"a.viewer": FIRST, "b.admin": FIRST + b"\n" + SECOND, "c.keys": FIRST + b"\n" + THIRD}
    )

    assert parsed.callers == {
        digest(SECOND): AdminCaller("b", "token", "admin"),
        digest(THIRD): AdminCaller("c", "token", "keys"),
    }
    assert parsed.problems == (
        "b.admin: has a token that stands in a.viewer, too",
        "c.keys: has a token that stands in a.viewer, too",
    )


@given(st.dictionaries(st.text(max_size=12), st.binary(max_size=60), max_size=4))
def test_any_files_give_tokens_and_problems(files: dict[str, bytes]) -> None:
    parsed = parse_token_files(files)

    lines = {line.strip() for content in files.values() for line in content.splitlines()}
    valid = {digest(line) for line in lines if is_token(line.decode("latin-1"))}
    assert parsed.callers.keys() <= valid
    assert not any(
        len(line) > 15 and line.decode("latin-1") in " ".join(parsed.problems) for line in lines
    )

"""What each role of an admin may do."""

import pytest

from tintype_gateway.auth.admin.roles import ROLES, Role, allows, roles_that_allow


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("viewer", {"viewer"}),
        ("keys", {"viewer", "keys"}),
        ("money", {"viewer", "money"}),
        ("admin", {"viewer", "keys", "money", "admin"}),
    ],
)
def test_a_role_allows_the_routes_that_need_it_or_less(role: Role, allowed: set[Role]) -> None:
    assert {needed for needed in ROLES if allows(role, needed)} == allowed


def test_the_roles_that_suffice_are_named_from_the_least() -> None:
    assert roles_that_allow("keys") == ("keys", "admin")

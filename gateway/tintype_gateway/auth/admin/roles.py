"""The roles of the callers of the admin API, and what each may do."""

from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["viewer", "keys", "money", "admin"]
"""`viewer` reads. `keys` also makes, rotates and revokes keys. `money` reads, and changes accounts,
budgets and grants. `admin` may do everything."""

ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True)
class AdminCaller:
    """A caller of the admin API."""

    name: str
    """The name of its token, or NAMESPACE/NAME of its ServiceAccount."""

    kind: Literal["token", "service_account"]
    role: Role


def allows(role: Role, needed: Role) -> bool:
    """Return whether a caller with a role may call a route that needs another one, or the same."""
    return role == "admin" or needed in ("viewer", role)


def roles_that_allow(needed: Role) -> tuple[Role, ...]:
    """Return the roles that may call a route which needs one."""
    return tuple(role for role in ROLES if allows(role, needed))

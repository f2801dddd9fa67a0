"""The spec of a CreditGrant: credits for an account, granted once."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from tintype_accounts.amounts import Credits, micro_credits
from tintype_accounts.references import ONE_ACCOUNT, OfAccount
from tintype_catalog.contract import cel

_SOME_CREDITS = "`credits` must be more than 0"


class CreditGrantSpec(OfAccount):
    """Credits that an account receives once for good, also if the object is applied again."""

    model_config = cel(
        ("has(self.account) != has(self.accountName)", ONE_ACCOUNT),
        ("self == oldSelf", "a CreditGrant cannot be changed: create another one"),
        (r"!self.credits.matches('^[0.]+$')", _SOME_CREDITS),
    )

    credits: Credits
    """The credits, as a decimal string such as `"25.50"`."""

    reason: Annotated[str, Field(min_length=1, max_length=256)]
    """The reason for people, which the ledger records."""

    reference: (
        Annotated[str, Field(pattern=r"^[!-~]+( [!-~]+)*$", min_length=1, max_length=255)] | None
    ) = None
    """The name under which the ledger records the grant, once for good. The default is the
    namespace and the name of the object, such as `team-a/march`. Objects with the same reference
    and content are one grant."""

    @model_validator(mode="after")
    def _grants_something(self) -> Self:
        if micro_credits(self.credits) == 0:
            raise ValueError(_SOME_CREDITS)
        return self

"""How an object names the account that it belongs to, and the names of the ledger's accounts."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from tintype_catalog.contract import Contract, ObjectName, cel

LedgerName = Annotated[
    str,
    Field(
        pattern=r"^[!-~]+( [!-~]+)*$",
        min_length=1,
        max_length=255,
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "!self.startsWith('sys:')",
                    "message": "names that begin with `sys:` belong to the ledger",
                }
            ]
        },
    ),
]
"""The name of an account in the ledger: printable ASCII characters, single spaces inside."""

ONE_ACCOUNT = "exactly one of `account` and `accountName`"


class OfAccount(Contract):
    """The fields of an object that belongs to an account."""

    model_config = cel(("has(self.account) != has(self.accountName)", ONE_ACCOUNT))

    account: ObjectName | None = None
    """The name of an Account object in the same namespace."""

    account_name: LedgerName | None = None
    """The name of an account in the ledger that no Account object in the namespace describes, such
    as one that a token issuer opened."""

    @model_validator(mode="after")
    def _names_one_account(self) -> Self:
        if (self.account is None) == (self.account_name is None):
            raise ValueError(ONE_ACCOUNT)
        if self.account_name is not None:
            check_ledger_name(self.account_name)
        return self


def check_ledger_name(name: str) -> None:
    """Check a name beyond its pattern.

    Raises:
        ValueError: The name is reserved for the ledger.
    """
    if name.startswith("sys:"):
        raise ValueError("names that begin with `sys:` belong to the ledger")

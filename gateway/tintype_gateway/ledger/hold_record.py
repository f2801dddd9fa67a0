"""The record of a hold in the ledger."""

from dataclasses import field

from tintype_gateway.accounts import Caller
from tintype_gateway.frozen import frozen_value
from tintype_gateway.holds import Hold, HoldRequest
from tintype_gateway.ledger.ordered_ids import ordered_hex
from tintype_gateway.ledger.validation import checked_amount, checked_images


@frozen_value(frozen=True)
class HoldRecord:
    """A hold to record, with its id, so that a lost statement can be repeated.

    Raises:
        ValueError: the amount or the number of images is invalid.
    """

    caller: Caller
    request: HoldRequest
    hold_id: str = field(default_factory=lambda: f"hold-{ordered_hex()}")

    def __post_init__(self) -> None:
        checked_amount(self.request.amount)
        checked_images(self.request.images)

    def hold(self, budget_remaining: int | None) -> Hold:
        """Return the hold for its owner."""
        return Hold(self.hold_id, self.caller.account, self.request.amount, budget_remaining)

    @property
    def idempotency_columns(self) -> tuple[str | None, str | None]:
        """The idempotency key and the digest of the request, or two times None."""
        if self.request.idempotency is None:
            return None, None
        return self.request.idempotency.key, self.request.idempotency.request_digest

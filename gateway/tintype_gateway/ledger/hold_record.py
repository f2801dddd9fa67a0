"""What the ledger records of a hold."""

import secrets
from dataclasses import dataclass, field

from tintype_gateway.accounts import Caller, Hold, Idempotency
from tintype_gateway.ledger.validation import checked_amount, checked_images


@dataclass(frozen=True, kw_only=True)
class HoldRecord:
    """All that the ledger keeps of a request. Its id is made here, so that it can be asked again.

    Raises:
        ValueError: no one can mean the amount, or the number of images.
    """

    caller: Caller
    amount: int
    images: int
    request_id: str
    model: str
    provider: str
    lifetime_seconds: float
    idempotency: Idempotency | None
    hold_id: str = field(default_factory=lambda: f"hold-{secrets.token_hex(16)}")

    def __post_init__(self) -> None:
        checked_amount(self.amount)
        checked_images(self.images)

    @property
    def hold(self) -> Hold:
        """What its owner gets."""
        return Hold(self.hold_id, self.caller.account, self.amount)

    @property
    def idempotency_columns(self) -> tuple[str | None, str | None]:
        """The idempotency key and the digest of the request, or twice nothing."""
        if self.idempotency is None:
            return None, None
        return self.idempotency.key, self.idempotency.request_digest

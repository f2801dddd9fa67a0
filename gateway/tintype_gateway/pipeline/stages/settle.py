"""What did it cost?"""

import logging

from tintype_gateway.errors import UnavailableError
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.interface import Hold, Ledger, Settlement
from tintype_gateway.observability.spans import traced

log = logging.getLogger(__name__)


@traced("settle")
async def settle(hold: Hold, cost: int, images: int, ledger: Ledger) -> Settlement:
    """Charge the exact cost of so many pictures, at most what was held, and give back the rest.

    Raises:
        UnavailableError: The ledger could not be told. The picture was made, so a client must
            not send the request again by itself.
    """
    try:
        settlement = await ledger.settle(hold, cost, images=images)
    except LedgerError as error:
        raise UnavailableError(
            "the picture was made, but the ledger could not be told what it cost",
            code="outcome_unknown",
            may_have_cost=True,
        ) from error
    if settlement.excess or settlement.late:
        log.warning(
            "settled off the hold",
            extra={"hold": hold.id, "excess": settlement.excess, "late": settlement.late},
        )
    return settlement

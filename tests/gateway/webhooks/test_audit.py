"""A change in the audit log becomes one message, however often its line is passed on."""

import json
from collections.abc import AsyncIterator

import pytest

from tintype_gateway.audit.lines import AuditLines
from tintype_gateway.ledger import Ledger
from tintype_gateway.ledger.changes import Author, change_document
from tintype_gateway.webhooks.audit import into_outbox
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import Clock

CI = Author("token", "ci", role="money", request_id="req_1")


@pytest.fixture
async def ledger(store: Store) -> AsyncIterator[Ledger]:
    ledger = store.open(Clock())
    yield ledger
    await ledger.close()


async def test_the_message_is_the_change_as_the_admin_api_shows_it(ledger: Ledger) -> None:
    await ledger.create_account("studio", credits_micro=0, author=CI)

    await AuditLines(ledger, [into_outbox(ledger)]).pass_on()

    (delivery,) = await ledger.webhooks()
    (change,) = await ledger.changes(limit=10)
    payload = json.loads(delivery.message.payload)
    assert (delivery.message.type, delivery.message.account) == ("audit.change", "studio")
    assert (payload["type"], payload["timestamp"]) == ("audit.change", change.at.isoformat())
    assert payload["data"] == change_document(change)
    assert payload["data"]["author"]["name"] == "ci"


async def test_a_change_that_is_passed_on_again_is_no_further_message(ledger: Ledger) -> None:
    await ledger.create_account("studio", credits_micro=0, author=CI)
    add = into_outbox(ledger)

    for _ in range(2):  # as after a kill between the outbox and the end of the lines
        await add(await ledger.changes(limit=10))

    assert len(await ledger.webhooks()) == 1

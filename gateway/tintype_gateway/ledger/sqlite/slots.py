"""Operations on the slots of bindings."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence

from tintype_gateway.ledger.slot_queue import SlotLimits, SlotRequest, SlotResult, Ticket
from tintype_gateway.ledger.slot_queue import exchange as exchanged

READ = "SELECT id, account, arrived, turn, leased, expires_at FROM slot WHERE binding = ?"

WRITE = """
INSERT OR REPLACE INTO slot (binding, id, account, arrived, turn, leased, expires_at)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""


def exchange(
    connection: sqlite3.Connection,
    now: float,
    binding: str,
    limits: SlotLimits,
    wanted: Sequence[SlotRequest],
    freed: Collection[str],
) -> SlotResult:
    """Free slots, and grant them to calls that wait."""
    rows = connection.execute(READ, (binding,))
    before = [Ticket(**dict(row) | {"leased": bool(row["leased"])}) for row in rows]
    after, result = exchanged(before, limits, wanted, freed, now)
    gone = {each.id for each in before} - {each.id for each in after}
    connection.executemany(
        "DELETE FROM slot WHERE binding = ? AND id = ?", [(binding, each) for each in gone]
    )
    unchanged = frozenset(before)
    connection.executemany(
        WRITE,
        [
            (binding, each.id, each.account, each.arrived, each.turn, each.leased, each.expires_at)
            for each in after
            if each not in unchanged
        ],
    )
    return result


def count(
    connection: sqlite3.Connection, now: float, bindings: Collection[str]
) -> Mapping[str, int]:
    """Return the number of calls of each binding that have a slot or wait for one."""
    of_one = "SELECT count(*) FROM slot WHERE binding = ? AND expires_at > ?"
    return {name: connection.execute(of_one, (name, now)).fetchone()[0] for name in bindings}

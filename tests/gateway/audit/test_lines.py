"""The lines of the audit log on standard output."""

import io
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tintype_gateway.audit.lines import AuditLines, write_lines
from tintype_gateway.ledger import AccountSpec, Author, Change, Ledger, open_ledger
from tintype_testing.ledgers import Clock

AUTHOR = Author("token", "ci", {}, role="keys", request_id="req_1")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def ledger(tmp_path: Path, clock: Clock) -> AsyncIterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db", clock=clock)
    yield ledger
    await ledger.close()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def lines(ledger: Ledger, stream: io.StringIO) -> AuditLines:
    async def write(changes: Sequence[Change]) -> None:
        await write_lines(changes, stream)

    return AuditLines(ledger, [write])


async def test_a_change_is_one_line_with_all_that_the_log_has(
    ledger: Ledger, lines: AuditLines, stream: io.StringIO
) -> None:
    await ledger.put_account(
        "studio", AccountSpec(display_name="Studio 7\nforged"[:8]), author=AUTHOR
    )

    assert await lines.pass_on() == 1

    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert (line["logger"], line["level"], line["message"]) == (
        "tintype.audit",
        "info",
        "account create",
    )
    change = line["change"]
    assert change["author"] == {"kind": "token", "name": "ci", "role": "keys", "details": {}}
    assert (change["request_id"], change["name"], change["before"]) == ("req_1", "studio", None)
    assert change["after"]["display_name"] == "Studio 7"


async def test_each_change_is_written_once(
    ledger: Ledger, lines: AuditLines, stream: io.StringIO
) -> None:
    await ledger.create_account("studio")

    assert [await lines.pass_on() for _ in range(3)] == [1, 0, 0]
    assert len(stream.getvalue().splitlines()) == 1


async def test_what_another_process_changes_is_written_too(
    ledger: Ledger, lines: AuditLines, stream: io.StringIO, tmp_path: Path
) -> None:
    command = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    await command.create_account("studio", author=Author("command", "root"))
    await command.close()

    await lines.pass_on()

    assert json.loads(stream.getvalue())["change"]["author"]["kind"] == "command"


async def test_a_line_that_could_not_be_written_comes_again(
    ledger: Ledger, lines: AuditLines, stream: io.StringIO, clock: Clock
) -> None:
    async def fail(changes: Sequence[Change]) -> None:
        raise BrokenPipeError

    await ledger.create_account("studio")
    with pytest.raises(BrokenPipeError):
        await AuditLines(ledger, [fail]).pass_on()

    assert await lines.pass_on() == 0
    clock.advance(60)
    assert await lines.pass_on() == 1
    assert json.loads(stream.getvalue())["change"]["name"] == "studio"


async def test_every_sink_gets_the_change(ledger: Ledger) -> None:
    taken: list[str] = []

    async def take(changes: Sequence[Change]) -> None:
        taken.extend(change.difference.name for change in changes)

    await ledger.create_account("studio")
    await AuditLines(ledger, [take, take]).pass_on()

    assert taken == ["studio", "studio"]


async def test_a_text_of_a_client_cannot_end_the_line(
    ledger: Ledger, lines: AuditLines, stream: io.StringIO
) -> None:
    await ledger.create_account("studio")
    await ledger.grant("studio", 5, reason='a gift\n{"forged": true}\u2028\x1b[2J')

    await lines.pass_on()

    written = stream.getvalue()
    assert written.isascii()
    assert [set(json.loads(line)) for line in written.splitlines()] == [
        {"time", "level", "logger", "message", "change"}
    ] * 2

"""Which requests get a line in the access log."""

import asyncio
import logging
import time
from collections.abc import Iterator

import pytest

from tintype_gateway.observability import access_log
from tintype_gateway.observability.request_log import RequestLog
from tintype_gateway.runtime.batches import work_in_batches
from tintype_testing.waiting import eventually


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Take back what a test configures."""
    level, filters = access_log.log.level, list(access_log.log.filters)
    yield
    access_log.log.setLevel(level)
    access_log.log.filters[:] = filters


def written(caplog: pytest.LogCaptureFixture, *statuses: int) -> list[int]:
    with caplog.at_level(logging.INFO):
        for status in statuses:
            access_log.write(status, RequestLog(seconds=0.1))
    return [vars(record)["status"] for record in caplog.records]


def test_every_request_gets_a_line_by_default(caplog: pytest.LogCaptureFixture) -> None:
    access_log.configure(None, 1.0)

    assert written(caplog, 200, 404, 499, 503) == [200, 404, 499, 503]


def test_errors_get_a_line_however_few_others_do(caplog: pytest.LogCaptureFixture) -> None:
    access_log.configure(None, 0.0)

    assert written(caplog, 200, 404, 200, 499, 503) == [404, 499, 503]


def test_a_share_of_the_others_gets_one(caplog: pytest.LogCaptureFixture) -> None:
    access_log.configure(None, 0.25)

    assert 100 < len(written(caplog, *[200] * 1000)) < 500


def test_a_level_can_leave_only_the_errors(caplog: pytest.LogCaptureFixture) -> None:
    access_log.configure("warning", 1.0)

    assert written(caplog, 200, 400) == [400]


@pytest.mark.parametrize(("status", "level"), [(200, "DEBUG"), (304, "DEBUG"), (404, "WARNING")])
def test_routine_requests_are_logged_at_debug_level_unless_they_fail(
    caplog: pytest.LogCaptureFixture, status: int, level: str
) -> None:
    with caplog.at_level(logging.DEBUG, "tintype.access"):
        access_log.write(status, RequestLog(), is_routine=True)

    assert [record.levelname for record in caplog.records] == [level]


def test_its_level_can_be_lower_than_that_of_other_logs(caplog: pytest.LogCaptureFixture) -> None:
    access_log.configure("info", 1.0)

    with caplog.at_level(logging.ERROR):
        caplog.handler.setLevel(logging.NOTSET)
        access_log.write(200, RequestLog())
        logging.getLogger("tintype_gateway.server").warning("not this")

    assert [record.message for record in caplog.records] == ["request"]


async def test_lines_of_successes_are_written_together(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    batches = asyncio.create_task(work_in_batches())
    await asyncio.sleep(0)

    access_log.write(200, RequestLog("req_1"))
    access_log.write(200, RequestLog("req_2"))

    assert not caplog.records
    await eventually(lambda: len(caplog.records) == 2)
    batches.cancel()
    await asyncio.wait([batches])


def test_the_line_of_an_error_does_not_wait_and_keeps_the_order(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    with access_log.batching():
        access_log.write(200, RequestLog("req_1"))
        access_log.write(503, RequestLog("req_2"))

        assert [vars(record)["request_id"] for record in caplog.records] == ["req_1", "req_2"]


def test_a_line_that_waits_has_the_time_of_its_request(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with access_log.batching() as write_batch:
        before = time.time()
        access_log.write(200, RequestLog())
        after = time.time()
        write_batch()

    assert before <= caplog.records[0].created <= after


def test_no_line_is_lost_when_batches_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with access_log.batching():
        access_log.write(200, RequestLog("req_1"))
    access_log.write(200, RequestLog("req_2"))

    assert [vars(record)["request_id"] for record in caplog.records] == ["req_1", "req_2"]

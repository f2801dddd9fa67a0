"""Every record is one line of JSON."""

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.strategies import json_values
from tintype_logging import logs
from tintype_logging.logs import JsonFormatter


def written(
    message: str = "request",
    *args: object,
    extra: Mapping[str, Any] | None = None,
    error: Any = None,
) -> str:
    record = logging.getLogger("tintype.access").makeRecord(
        "tintype.access", logging.WARNING, "f.py", 1, message, args, error, extra=extra
    )
    record.created = 1_795_000_000.25
    return JsonFormatter().format(record)


def test_a_line_has_time_level_logger_and_message() -> None:
    assert json.loads(written("%s of %d", "one", 2)) == {
        "time": "2026-11-18T11:06:40.250+00:00",
        "level": "warning",
        "logger": "tintype.access",
        "message": "one of 2",
    }


def test_extra_fields_stand_beside_them() -> None:
    line = json.loads(written(extra={"status": 200, "user": None, "adjustments": ["a=stripped"]}))
    assert (line["status"], line["user"], line["adjustments"]) == (200, None, ["a=stripped"])


def test_values_that_json_does_not_have_are_written_as_text() -> None:
    line = json.loads(written(extra={"error": ValueError("odd"), "names": {"a"}}))
    assert (line["error"], line["names"]) == ("odd", "{'a'}")


def test_an_exception_comes_with_its_traceback_on_the_same_line() -> None:
    error = ValueError("first\nsecond")
    text = written(error=(ValueError, error, None))
    assert "\n" not in text
    assert json.loads(text)["exception"] == "ValueError: first\nsecond"


def test_records_have_no_fields_that_the_log_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_srcfile", "logThreads", "logProcesses", "logMultiprocessing"):
        monkeypatch.setattr(logging, name, getattr(logging, name))
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)

    logs.configure("info")

    record = root.makeRecord("tintype.access", logging.INFO, "f.py", 1, "request", (), None)
    assert {record.thread, record.threadName, record.process, record.processName} == {None}


texts = st.text(st.characters(), max_size=30) | st.sampled_from(
    ['"}\n{"level": "error"}', "\r\n", "\u2028", "\x1b[31m", "\ud800"]
)


@given(texts, texts)
def test_no_text_can_forge_a_line_or_a_field(message: str, user: str) -> None:
    text = written("%s", message, extra={"user": user})
    assert text.isascii()
    assert text.isprintable()
    line = json.loads(text)
    assert (line["message"], line["user"]) == (message, user)
    assert list(line) == ["time", "level", "logger", "message", "user"]


@given(json_values)
def test_any_value_is_one_line(value: Any) -> None:
    text = written(extra={"value": value})
    assert text.isprintable()
    assert json.loads(text)["value"] == value

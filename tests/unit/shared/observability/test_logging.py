"""A log line is one JSON object that names service and time and never holds a secret, whoever wrote it."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator

import pytest

from shared.observability.logging import configure_logging, get_logger
from shared.observability.redaction import HIDDEN
from shared.settings import LogSettings

TOKEN = "11111111-2222-4333-8444-555555555555"  # noqa: S105  # made up


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    configure_logging(LogSettings(), "risk", [TOKEN], out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_names_time_level_service_and_fields(stream):
    get_logger("services.risk").info("order placed", order="nifty-1", lots=2)
    (line,) = lines(stream)
    assert line["event"] == "order placed"
    assert (line["level"], line["service"], line["logger"]) == ("info", "risk", "services.risk")
    assert (line["order"], line["lots"]) == ("nifty-1", 2)
    assert str(line["ts"]).endswith("Z")


def test_lines_below_the_level_are_left_out(stream):
    get_logger("x").debug("detail")
    assert stream.getvalue() == ""


def test_other_libraries_write_the_same_form(stream):
    logging.getLogger("some.library").warning("got %s", "this")
    (line,) = lines(stream)
    assert (line["event"], line["service"]) == ("got this", "risk")


def test_requests_of_the_http_library_are_quiet(stream):
    logging.getLogger("httpx").info("HTTP Request: GET https://x/?auth-token=%s", TOKEN)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    "write",
    [
        lambda: get_logger("x").info("sent", reply=f"echo {TOKEN}"),
        lambda: get_logger("x").info("sent %s", TOKEN),
        lambda: get_logger("x").info("sent", nested={"a": [{"b": TOKEN.encode()}]}),
        lambda: get_logger("x").info("sent", **{TOKEN: 1}),
        lambda: logging.getLogger("y").error("url https://tt/api?auth-token=%s&key=gap", TOKEN),
        lambda: logging.getLogger("y").error("extra", extra={"body": TOKEN}),
        lambda: warnings.warn(f"about {TOKEN}", stacklevel=1),
    ],
)
def test_a_known_secret_appears_nowhere(stream, write):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        write()
    assert len(lines(stream)) == 1
    assert TOKEN not in stream.getvalue()
    assert HIDDEN in stream.getvalue()


def test_a_secret_in_a_traceback_is_hidden(stream):
    def fail() -> None:
        raise ValueError(f"refused {TOKEN}")

    try:
        fail()
    except ValueError:
        get_logger("x").exception("failed")
    (line,) = lines(stream)
    assert "ValueError" in str(line["exception"])
    assert TOKEN not in stream.getvalue()


def test_people_may_read_plain_text_instead():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    configure_logging(LogSettings(format="console"), "risk", [TOKEN], out)
    get_logger("x").info("hello", token="abc", reply=TOKEN)  # noqa: S106  # made up
    root.handlers[:] = handlers
    root.setLevel(level)
    assert "hello" in out.getvalue()
    assert TOKEN not in out.getvalue()
    assert "abc" not in out.getvalue()

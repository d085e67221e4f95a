"""The log: one JSON object a line, private, without secrets."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from polotui.core import log as logs
from polotui.core.clock import FrozenClock

logger = logging.getLogger("polotui.test")


@pytest.fixture(autouse=True)
def _no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_secrets", set())


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_is_one_object_with_its_extras(tmp_path: Path) -> None:
    with logs.logging_to(tmp_path / "engine.log", FrozenClock()):
        logger.info("started\nand \x1b[2J more", extra={"task": "stream"})
    [line] = lines_of(tmp_path / "engine.log")
    assert (line["level"], line["logger"], line["task"]) == ("info", "polotui.test", "stream")
    assert line["message"] == "started\nand \x1b[2J more"
    assert "\x1b" not in (tmp_path / "engine.log").read_text()


def test_a_traceback_is_kept(tmp_path: Path) -> None:
    with logs.logging_to(tmp_path / "engine.log", FrozenClock()):
        try:
            raise ValueError("boom")
        except ValueError:
            logger.exception("service failed")
    [line] = lines_of(tmp_path / "engine.log")
    assert "ValueError: boom" in line["traceback"]


def test_the_file_is_private(tmp_path: Path) -> None:
    with logs.logging_to(tmp_path / "engine.log", FrozenClock()):
        logger.warning("x")
    assert (tmp_path / "engine.log").stat().st_mode & 0o777 == 0o600


def test_quiet_levels_are_left_out(tmp_path: Path) -> None:
    with logs.logging_to(tmp_path / "engine.log", FrozenClock(), level="WARNING"):
        logger.info("quiet")
        logger.warning("loud")
    assert [line["message"] for line in lines_of(tmp_path / "engine.log")] == ["loud"]


def test_the_old_handlers_come_back(tmp_path: Path) -> None:
    before = logging.getLogger().handlers[:]
    with logs.logging_to(tmp_path / "engine.log", FrozenClock()):
        assert logging.getLogger().handlers != before
    assert logging.getLogger().handlers == before


def test_a_known_secret_never_appears(tmp_path: Path) -> None:
    logs.hide("k2J4-very-secret")
    with logs.logging_to(tmp_path / "engine.log", FrozenClock()):
        logger.info("sent k2J4-very-secret", extra={"detail": ["k2J4-very-secret"]})
        try:
            raise ValueError("refused k2J4-very-secret")
        except ValueError:
            logger.exception("failed")
    assert "k2J4" not in (tmp_path / "engine.log").read_text()


@pytest.mark.parametrize(
    "text",
    [
        "api_key=ABCDEF123",
        "apiSecret: ABCDEF123",
        '{"secret": "ABCDEF123"}',
        "GET /x?signature=ABCDEF123&limit=5",
        "Authorization: ABCDEF123",
        "passphrase = ABCDEF123",
    ],
)
def test_what_is_named_like_a_secret_is_starred(text: str) -> None:
    assert "ABCDEF123" not in logs.redact(text)


@pytest.mark.parametrize("text", ["limit=5", "BTC_USDT at 61000.5", "keyboard: us", "tokens are counted"])
def test_ordinary_words_stay(text: str) -> None:
    assert logs.redact(text) == text


def test_a_short_word_is_no_secret() -> None:
    logs.hide("abc")
    assert logs.redact("abc") == "abc"

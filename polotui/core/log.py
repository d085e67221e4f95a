"""The log: JSON lines, rotated, private, without secrets.

Decided here: one file per process kind (`engine.log`, `face.log`, `simulator.log`) in the home's log folder, 5 MiB
each, five kept. Writing happens on a listener thread, so a slow disk never blocks the loop. Everything passes
`redact`: known
secrets are replaced wherever they appear, and so is whatever follows a word such as secret, signature or key.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
import queue
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from polotui.core.clock import Clock

_WORDS = r"(?:api[_-]?key|api[_-]?secret|secret|passphrase|password|signature|authorization|token)"
_PAIR = re.compile(rf"(?i)(\"?{_WORDS}\"?\s*[:=]\s*\"?)([^\s\",}}&]+)")
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_secrets: set[str] = set()


def hide(secret: str) -> None:
    """From now on `secret` never appears in a log line."""
    if len(secret) >= 4:
        _secrets.add(secret)


def redact(text: str) -> str:
    """`text` with every known secret, and every value named like one, replaced by stars."""
    for secret in _secrets:
        text = text.replace(secret, "***")
    return _PAIR.sub(r"\1***", text)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ts, level, logger, message, the record's extras, and the traceback if there is one."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "ts": int(record.created * 1000),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update((key, value) for key, value in vars(record).items() if key not in _STANDARD)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return redact(json.dumps(line, default=str, ensure_ascii=True))


class _PrivateRotatingHandler(logging.handlers.RotatingFileHandler):
    def _open(self) -> Any:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8")


@contextmanager
def logging_to(path: Path, clock: Clock, *, level: str = "INFO") -> Iterator[None]:
    """While inside, the package's loggers write to `path`."""
    handler = _PrivateRotatingHandler(str(path), maxBytes=5 * 1024 * 1024, backupCount=5, delay=True)
    handler.setFormatter(JsonFormatter(clock))
    lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    sender = logging.handlers.QueueHandler(lines)
    # The stock `prepare` drops the traceback's structure; the formatter needs the record as it is.
    sender.prepare = lambda record: record  # type: ignore[method-assign]
    listener = logging.handlers.QueueListener(lines, handler)
    root = logging.getLogger()
    old_level, old_handlers = root.level, root.handlers[:]
    root.handlers[:] = [sender]
    root.setLevel(logging.WARNING)
    package = logging.getLogger("polotui")
    package.setLevel(level)
    # httpx logs every URL with its query at INFO.
    for name in ("httpx", "httpcore", "websockets"):
        logging.getLogger(name).setLevel(logging.WARNING)
    listener.start()
    try:
        yield
    finally:
        listener.stop()
        handler.close()
        root.handlers[:] = old_handlers
        root.setLevel(old_level)

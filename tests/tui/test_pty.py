"""What only a real terminal shows: bytes sent, signals, restored modes, a terminal that does not read, hostile text."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest

from polotui.core.ids import Chance
from polotui.core.text import clean
from polotui.tui.safety import FOREIGN
from tests.tui.pty import Terminal

pytestmark = pytest.mark.pty
APP = ("-m", "tests.tui.pty_app")


class Watched:
    """A terminal with the app's own reports beside it."""

    def __init__(self, *arguments: str, size: tuple[int, int] = (120, 36), env: dict[str, str] | None = None) -> None:
        self._reports, write = os.pipe()
        os.set_inheritable(write, True)
        self.terminal = Terminal(*APP, *arguments, size=size, env={"REPORT_FD": str(write), **(env or {})})
        os.close(write)
        os.set_blocking(self._reports, False)
        self._text = b""

    def report(self, key: str, *, reading: bool = True, turns: int = 1200) -> dict[str, object]:
        """Waits for the app's report that has `key`; meanwhile the terminal is read, or not."""
        for _ in range(turns):
            if reading:
                self.terminal.read()
            else:
                import select

                select.select([self._reports], [], [], 0.05)
            try:
                self._text += os.read(self._reports, 65536)
            except BlockingIOError:
                pass
            for line in self._text.splitlines():
                found: dict[str, object] = json.loads(line)
                if key in found:
                    return found
            if self.terminal._ended():
                break
        raise AssertionError(f"no report {key!r}; the last of it: {self.terminal.text()[-3000:]}")

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None:
        self.terminal.close()
        os.close(self._reports)


def drain(terminal: Terminal) -> int:
    while terminal.read(0.1):
        pass
    return len(terminal.out)


def test_nothing_is_sent_when_nothing_changed():
    with Watched("still") as app:
        app.report("ready")
        before = drain(app.terminal)
        app.report("frames")
        assert len(app.terminal.out) - before == 0


def test_a_frame_of_a_live_market_stays_within_its_budget():
    with Watched("ticks", "40") as app:
        app.report("ready")
        before = len(app.terminal.out)
        app.report("frames")
        drain(app.terminal)
        assert 0 < (len(app.terminal.out) - before) / 40 <= 6 * 1024


def test_a_tick_of_five_cells_costs_at_most_a_kilobyte():
    with Watched("cells", "40") as app:
        app.report("ready")
        before = len(app.terminal.out)
        app.report("frames")
        drain(app.terminal)
        assert 0 < (len(app.terminal.out) - before) / 40 <= 1024


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_with_the_terminal_restored(number, code):
    with Watched("idle") as app:
        app.report("ready")
        app.terminal.kill(number)
        assert app.terminal.wait() == code
        assert_restored(app.terminal)


def assert_restored(terminal: Terminal) -> None:
    """Alternate screen left, cursor shown, mouse and bracketed paste off, each as the last word on it."""
    out = bytes(terminal.out)
    for on, off in ((b"?1049h", b"?1049l"), (b"?25l", b"?25h"), (b"?1003h", b"?1003l"), (b"?2004h", b"?2004l")):
        assert out.rfind(off) > out.rfind(on) >= 0, (on, off)


def test_q_leaves_with_a_word_and_status_zero():
    with Watched("idle") as app:
        app.report("ready")
        app.terminal.type(b"q")
        assert app.terminal.wait() == 0
        assert_restored(app.terminal)
        assert "polotui opens it again." in app.terminal.text()


def test_ctrl_z_and_fg_come_back_to_the_same_picture():
    with Watched("idle") as app:
        app.report("ready")
        drain(app.terminal)
        app.terminal.type(b"\x1a")
        app.terminal.until_stopped()
        assert b"?1049l" in app.terminal.out
        before = len(app.terminal.out)
        app.terminal.kill(signal.SIGCONT)
        for _ in range(200):
            app.terminal.read()
            if b"Watchlist" in app.terminal.out[before:]:
                break
        assert b"Watchlist" in app.terminal.out[before:]
        app.terminal.type(b"q")
        assert app.terminal.wait() == 0


def test_a_terminal_that_is_not_read_does_not_hold_up_the_loop():
    """400 turns of 20 ms pass while nobody reads: the loop turned every time, and frames were skipped instead."""
    with Watched("flood", "400") as app:
        app.report("ready")
        done = app.report("turns", reading=False)
        assert done["turns"] == 400
        assert int(str(done["skipped"])) > 10


def test_no_color_draws_both_screens_without_a_colour():
    with Watched("idle", env={"NO_COLOR": "1"}) as app:
        app.report("ready")
        app.terminal.type(b"2")
        app.terminal.until("demo exchange account")
        app.terminal.type(b"?")
        app.terminal.until("Help")
        coloured = re.findall(rb"\x1b\[[0-9;]*?[34]8;2;(\d+);(\d+);(\d+)", bytes(app.terminal.out))
        assert coloured
        assert all(red == green == blue for red, green, blue in coloured)
        app.terminal.type(b"\x1bq")
        app.terminal.kill(signal.SIGTERM)
        assert app.terminal.wait() in (0, 143)


@pytest.mark.parametrize(("env", "words"), [({"TERM": "dumb"}, "TERM=dumb"), ({"PYTHONIOENCODING": "latin-1"}, "")])
def test_poor_terminals(env, words):
    with Terminal(
        "-c", "from tests.tui.pty_app import main; import sys; sys.argv=['x','idle']; main()", env=env
    ) as app:
        if words:
            assert app.wait() == 2
            assert words in app.text()
            assert "polotui market book SYMBOL" in app.text()
        else:
            app.until("Watchlist")
            assert "┌" in app.text()
            app.kill(signal.SIGTERM)
            assert app.wait() == 143


def test_a_terminal_of_sixteen_colours_is_sent_no_others():
    with Watched("idle", env={"TERM": "xterm", "COLORTERM": ""}) as app:
        app.report("ready")
        app.terminal.type(b"2")
        app.terminal.until("demo exchange account")
        assert not re.search(rb"[34]8;[25];", bytes(app.terminal.out))
        assert re.search(rb"\x1b\[[0-9;]*3[0-7]", bytes(app.terminal.out))
        app.terminal.kill(signal.SIGTERM)
        assert app.terminal.wait() == 143


# hostile text

_PIECES = [
    "\x1b[31m", "\x1b[2J", "\x1b]0;owned\x07", "\x1b]8;;http://x\x07", "\x1b]52;c;cHduZWQ=\x07", "\x1bP1$r\x1b\\",
    "\x1b_G\x1b\\", "\x9b31m", "\x9d52;c;x\x9c", "\x07", "\x08\x08", "\r", "\n", "\t", "\x00", "\x7f", "\x85",
    "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\u2028", "\ue000", "\U000e0041", "\ud800",
    "[@click=app.pwn]X[/]", "[/]", "[[", "[red]", "[link=http://x]", "$primary", "{0}", "%s", "\\[", "a\u0301" * 30,
    "e" + "\u0300" * 200, "漢字", "👩‍👩‍👧‍👦", "🏳️‍🌈", "\u0627\u0644", "BТC_USDT", "…", "─│┌", "W" * 300, " ", "",
]  # fmt: skip


def corpus(count: int) -> list[str]:
    rng = Chance("hostile").generator()
    made = [*_PIECES, "A" * 1_000_000, "\x1b[31m" * 1000]
    while len(made) < count:
        made.append("".join(rng.choice(_PIECES) for _ in range(rng.randint(1, 6))))
    return made[:count]


def test_ten_thousand_hostile_strings_come_out_clean():
    for text in corpus(10_000):
        done = clean(text)
        assert not FOREIGN.search(done), repr(text)
        assert len(done) <= 201
        done.encode("utf-8")


def test_hostile_text_in_every_place_steers_nothing(tmp_path: Path):
    texts = sorted(set(corpus(2000)), key=lambda text: -len(FOREIGN.findall(text)) - 5 * text.count("["))[:300]
    texts = [text.encode("utf-8", "replace").decode() if "\ud800" in text else text for text in texts]
    file = tmp_path / "texts.json"
    file.write_text(json.dumps(texts))
    with Watched("hostile", str(file)) as app:
        done = app.report("done", turns=4000)
        assert app.terminal.wait() == 0
        assert done["done"] == len(texts)
        assert done["pwned"] == 0
        assert done["failed"] == {}
        assert done["hits"] == 0, "a widget let text through that only the last defence caught"
        assert_no_foreign_controls(bytes(app.terminal.out))


#: Everything Textual itself sends: CSI sequences and the pointer's shape; nothing else with an escape.
_OWN = re.compile(rb"\x1b\[[0-9;?<>=$:]*[A-Za-z@`~]|\x1b\]22;[a-z-]+\x07")


def assert_no_foreign_controls(out: bytes) -> None:
    rest = _OWN.sub(b"", out).decode("utf-8")
    # Line ends come from the farewell after the screen is gone.
    found = FOREIGN.search(rest.replace("\r", "").replace("\n", ""))
    assert found is None, repr(rest[max(0, found.start() - 60) : found.end() + 60])

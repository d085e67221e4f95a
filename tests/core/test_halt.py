"""The halt flag: it is there or not, and nothing about its text can make it less of a halt."""

from __future__ import annotations

import stat

import pytest

from polotui.core.clock import FrozenClock
from polotui.core.errors import StorageError
from polotui.core.halt import NAME, HaltNote, clear, halt, is_halted
from polotui.core.paths import Home


@pytest.fixture
def home(tmp_path):
    return Home.at(tmp_path / "home")


def test_halting_needs_nothing_but_a_home(home):
    assert is_halted(home) is None
    note = halt(home, "ctrl+g twice", "ada on pts/3", FrozenClock(1_000))
    assert note == HaltNote(at_ms=1_000, reason="ctrl+g twice", who="ada on pts/3")
    assert is_halted(home) == note
    assert stat.S_IMODE((home.data / NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE(home.data.stat().st_mode) == 0o700


def test_the_first_note_stays_when_halted_again(home):
    clock = FrozenClock(1_000)
    first = halt(home, "first", "ada", clock)
    clock.advance(60)
    assert halt(home, "second", "bob", clock) == first
    assert is_halted(home) == first


@pytest.mark.parametrize("text", [b"", b"{", b"halt please", b'{"at_ms": "x"}', b"\xff\xfe", b"[]"])
def test_a_flag_that_says_nothing_halts_as_well(home, text):
    home.data.mkdir(parents=True)
    (home.data / NAME).write_bytes(text)
    found = is_halted(home)
    assert found is not None
    assert found.reason == "the flag does not say why"


def test_even_a_folder_of_that_name_halts(home):
    (home.data / NAME).mkdir(parents=True)
    found = is_halted(home)
    assert found is not None
    assert "cannot be read" in found.reason


def test_clearing_takes_it_away_once(home):
    halt(home, "why", "who", FrozenClock())
    assert clear(home) is True
    assert is_halted(home) is None
    assert clear(home) is False


def test_a_flag_that_cannot_be_removed_says_that_trading_stays_halted(home):
    (home.data / NAME).mkdir(parents=True)
    with pytest.raises(StorageError) as caught:
        clear(home)
    assert caught.value.safe == "Trading stays halted."


def test_a_home_that_cannot_be_written_names_the_way_by_hand(home):
    home.data.parent.mkdir(parents=True)
    home.data.write_text("a file where the folder should be")
    with pytest.raises(StorageError):
        halt(home, "why", "who", FrozenClock())

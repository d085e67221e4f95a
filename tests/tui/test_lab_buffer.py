"""Typing without a screen: the buffer's changes and their undo, the colours of a line, parameters found in a text."""

from __future__ import annotations

import pytest

from polotui.api.lab_values import Completion, ParamField
from polotui.core.ids import Chance
from polotui.tui.widgets.lab import highlight, parameters
from polotui.tui.widgets.lab.buffer import LIMIT, TextBuffer
from polotui.tui.widgets.lab.completion_popup import CompletionPopup, boxed, laid
from polotui.tui.widgets.lab.version_reading import differences
from polotui.tui.widgets.painted import width_of
from tests.tui.fake_lab import EMA_PULLBACK


def typed(buffer: TextBuffer, text: str) -> None:
    for letter in text:
        buffer.insert(letter, typed=True)


def test_typing_is_undone_by_words_and_brought_back():
    buffer = TextBuffer()
    typed(buffer, "close > open")
    for expected in ("close >", "close", ""):
        assert buffer.undo()
        assert buffer.text == expected
    assert not buffer.undo()
    while buffer.redo():
        pass
    assert buffer.text == "close > open"
    assert buffer.place == (0, 12)


def test_a_new_line_goes_deeper_after_a_colon_and_keeps_the_depth_else():
    buffer = TextBuffer("entry:")
    buffer.move("end")
    buffer.newline()
    typed(buffer, "long: x")
    buffer.newline()
    assert buffer.lines == ["entry:", "  long: x", "  "]
    buffer.backspace()
    assert buffer.lines[-1] == ""


def test_indenting_moves_the_selected_lines_and_back():
    buffer = TextBuffer("a:\nb: 1\n\nc: 2")
    buffer.move_to(1, 0)
    buffer.move_to(3, 2, select=True)
    buffer.indent(1)
    assert buffer.lines == ["a:", "  b: 1", "", "  c: 2"]
    buffer.indent(-1)
    assert buffer.lines == ["a:", "b: 1", "", "c: 2"]
    buffer.move_to(1, 4)
    buffer.indent(1)
    assert buffer.lines[1] == "b: 1  "
    assert buffer.column == 6


def test_cutting_without_a_selection_takes_the_line():
    buffer = TextBuffer("one\ntwo\nthree")
    buffer.move_to(1, 2)
    assert buffer.cut() == "two\n"
    assert buffer.lines == ["one", "three"]
    buffer.move_to(1, 0)
    assert buffer.cut() == "three\n"
    assert buffer.lines == ["one", ""]


def test_a_selection_over_lines_is_replaced_and_comes_back():
    buffer = TextBuffer("one\ntwo\nthree")
    buffer.move_to(0, 1)
    buffer.move_to(2, 2, select=True)
    assert buffer.selected == "ne\ntwo\nth"
    buffer.insert("X")
    assert buffer.lines == ["oXree"]
    assert buffer.last_change == (0, -2)
    buffer.undo()
    assert buffer.lines == ["one", "two", "three"]


def test_up_and_down_remember_the_column_they_came_from():
    buffer = TextBuffer("a long line\nx\nanother long one")
    buffer.move_to(0, 9)
    buffer.move("down")
    assert buffer.place == (1, 1)
    buffer.move("down")
    assert buffer.place == (2, 9)


def test_words_are_jumped_over():
    buffer = TextBuffer("crosses_above(rsi14, 30)\nb")
    places = []
    for _ in range(6):
        buffer.move("word-right")
        places.append(buffer.place)
    assert places == [(0, 13), (0, 14), (0, 19), (0, 20), (0, 23), (0, 24)]
    buffer.move("word-left")
    assert buffer.place == (0, 23)
    buffer.move("start")
    buffer.move("left")
    assert buffer.place == (0, 0)


def test_a_text_never_grows_beyond_its_limit():
    buffer = TextBuffer("x" * (LIMIT - 2))
    revision = buffer.revision
    assert not buffer.insert("yyy")
    assert buffer.revision == revision
    assert buffer.insert("yy")
    assert len(buffer.text) == LIMIT
    buffer.move("top")
    buffer.move("right", select=True)
    assert buffer.insert("z")


def test_any_row_of_changes_is_undone_to_the_first_text_and_redone_to_the_last():
    rng = Chance("buffer").generator()
    for _ in range(30):
        buffer = TextBuffer(EMA_PULLBACK)
        for _ in range(40):
            buffer.move_to(rng.randrange(30), rng.randrange(40))
            if rng.random() < 0.4:
                buffer.move_to(rng.randrange(30), rng.randrange(40), select=True)
            change = rng.choice(("insert", "typed", "newline", "backspace", "delete", "cut", "in", "out", "all"))
            if change == "insert":
                buffer.insert(rng.choice(("a\nb", "", "ä界", "  ")))
            elif change == "typed":
                typed(buffer, "now or")
            elif change in ("in", "out"):
                buffer.indent(1 if change == "in" else -1)
            elif change == "all":
                buffer.replace_all("other\ntext")
            else:
                getattr(buffer, change)()
            assert buffer.text == "\n".join(buffer.lines)
            assert 0 <= buffer.row < len(buffer.lines)
            assert 0 <= buffer.column <= len(buffer.line)
        last = buffer.text
        while buffer.undo():
            pass
        assert buffer.text == EMA_PULLBACK
        while buffer.redo():
            pass
        assert buffer.text == last


def tone_at(line: str, word: str) -> str:
    return highlight.tones(line)[line.index(word)]


def test_rules_are_coloured_inside_their_quotes_and_prose_is_not():
    rule = '  long: "fast@4h > 30 and crosses_above(rsi, 3.5)"  # why # twice'
    assert tone_at(rule, "long") == "key"
    assert tone_at(rule, "@4h") == tone_at(rule, "and") == "line1"
    assert tone_at(rule, "crosses_above") == "line2"
    assert tone_at(rule, "30") == tone_at(rule, "3.5") == "line3"
    assert tone_at(rule, "# why") == "muted italic"
    assert tone_at(rule, "fast") == ""
    prose = "  thesis: This and that, 30 times."
    assert tone_at(prose, "thesis") == "key"
    assert tone_at(prose, "and") == tone_at(prose, "30") == ""
    assert tone_at("  loss: {kind: atr, multiple: 2}", "multiple") == "key"
    assert highlight.pieces("    This and that of 30 days, not more.") == []
    assert tone_at("    fast > slow and", "and") == "line1"
    assert tone_at("# all of it: 1", "all") == "muted italic"


def test_a_quoted_hash_is_no_comment_and_a_monstrous_line_is_plain():
    assert tone_at('  long: "a # b and c"', "and") == "line1"
    assert highlight.pieces("and " * 600) == []


def test_what_steers_a_terminal_is_shown_as_a_dot():
    assert "".join(highlight.visible("a\tb\x1b[31m\u202ec界")) == "a→b·[31m·c界"


FORM = (
    "params:\n  a: {type: int, min: 1, default: 21, max: 40}  # kept\n  b:\n    type: float\n    default: 0.5 # half\n"
)


def test_a_default_changes_in_its_place_and_the_rest_stays():
    text = parameters.with_default(FORM + "entry:\n  a: {default: 3}\n", "yaml", "a", 22)
    text = parameters.with_default(text or "", "yaml", "b", 0.25)
    assert text == FORM.replace("21", "22").replace("0.5", "0.25") + "entry:\n  a: {default: 3}\n"
    assert parameters.with_default(FORM, "yaml", "c", 1) is None
    assert parameters.with_default("name: x\n", "yaml", "a", 1) is None
    json = '{"params": {"a": {"type": "int", "default": 21, "min": 1}}}'
    assert parameters.with_default(json, "json", "a", 22) == json.replace("21", "22")
    assert parameters.with_default(json, "json", "b", 22) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a number is needed"),
        ("12a", "not a number"),
        ("1.5", "a whole number is needed"),
        ("4", "at least 5"),
        ("41", "at most 40"),
        ("1e999", "too large"),
        ("40", ""),
        ("−3", "at least 5"),
    ],
)
def test_a_field_says_what_is_wrong_with_what_was_typed(text, said):
    field = ParamField(name="n", whole=True, default=21, least=5, most=40, step=1)
    value, fault = parameters.read(text, field)
    assert fault == said
    assert (value is None) == bool(said)


def test_steps_stay_on_the_grid_and_inside_the_limits():
    field = ParamField(name="x", whole=False, default=0.3, least=0.1, most=0.5, step=0.1)
    assert parameters.stepped("0.3", field, 1) == "0.4"
    assert parameters.stepped("0.5", field, 1) == "0.5"
    assert parameters.stepped("rubbish", field, -1) == "0.2"
    free = ParamField(name="n", whole=True, default=3)
    assert parameters.stepped("3", free, 1) == "4"
    assert parameters.written(1e-7) == "0.0000001"


def offered(*words: str, replaces: int) -> list[Completion]:
    return [Completion(text=word, kind="function", says="what it does", replaces=replaces) for word in words]


def test_the_popup_narrows_while_one_types_and_closes_elsewhere():
    line = ' long: "cro'
    popup = CompletionPopup(offered("crosses_above", "close", replaces=1), 3, 9)
    assert [one.text for one in popup.matching(line, 3, 11)] == ["crosses_above"]
    assert popup.matching(line, 4, 11) == []
    assert popup.matching(line, 3, 8) == []
    assert popup.start_of(popup.matching(line, 3, 11)[0]) == 8


def test_the_popup_lies_below_its_line_or_above_when_there_is_no_room():
    box = boxed(offered("alpha", "beta", replaces=0), 0, 40)
    assert len({width_of(line) for line in box}) == 1
    lines = [[("." * 60, "")] for _ in range(6)]
    below = laid(lines, box, 5, 0, 60, 6)
    assert "alpha" in "".join(text for text, _ in below[1])
    above = laid(lines, box, 5, 5, 60, 6)
    assert "alpha" in "".join(text for text, _ in above[3])
    assert all(width_of(line) == 60 for line in [*below, *above])


def test_a_version_is_shown_whole_with_what_differs():
    lines = differences("a\nb\nc", "a\nx\nc\nd")
    shown = ["".join(text for text, _ in line) for line in lines]
    assert shown == ["  a", "− b", "+ x", "  c", "+ d"]

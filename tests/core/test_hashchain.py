"""Rows that prove their order and content."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from polotui.core.hashchain import GENESIS, ChainedRow, canonical, first_break, link

fields = st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=8)), max_size=4)


@given(fields, fields)
def test_different_rows_never_share_their_bytes(one: list, other: list) -> None:
    assert (canonical(one) == canonical(other)) == (one == other)


def chain(rows: list[list]) -> list[ChainedRow]:
    done, previous = [], GENESIS
    for number, row in enumerate(rows, 1):
        hash_ = link(previous, row)
        done.append(ChainedRow(number, row, previous, hash_))
        previous = hash_
    return done


@given(st.lists(fields, min_size=2, max_size=6), st.data())
def test_a_row_changed_removed_or_moved_is_named(rows: list[list], data: st.DataObject) -> None:
    good = chain(rows)
    assert first_break(good) is None
    place = data.draw(st.integers(0, len(good) - 1))
    row = good[place]
    changed = [*good[:place], ChainedRow(row.number, [*row.fields, "x"], row.previous, row.hash), *good[place + 1 :]]
    found = first_break(changed)
    assert found is not None
    assert found.number == place + 1
    if place < len(good) - 1:
        removed = first_break([*good[:place], *good[place + 1 :]])
        assert removed is not None
        assert removed.number == place + 1
        swapped = first_break([*good[:place], good[place + 1], good[place], *good[place + 2 :]])
        assert swapped is not None
        assert swapped.number == place + 1

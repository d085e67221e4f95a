"""Fifty SIGKILLs of a real engine while it trades with a real exchange process; a thousand in `make campaign`."""

from __future__ import annotations

import pytest

from tests.campaign.kills import run


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_acknowledged_is_lost_and_no_order_is_sent_twice(seed: int) -> None:
    told = run(25, seed)
    assert told.found == []
    assert told.kills == 25
    # A run in which nothing happened would prove nothing.
    assert len(told.orders) > 25
    assert told.fills
    assert told.traded

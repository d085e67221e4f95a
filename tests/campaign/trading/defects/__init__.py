"""What the invariants must catch: each defect is planted into the product for one run, and names who has to find it.

    python -m tests.campaign.trading.defects [--name WORDS]

A defect replaces one small part of the product, as a careless change might. None of these switches exists in the
product itself. Those that need a storm run in the campaign, those that need a death at one step in the crash sweep.
"""

# Planted by being imported.
from tests.campaign.trading.defects import desk, orders, positions, risk
from tests.campaign.trading.defects.planting import DEFECTS, look_for

__all__ = ["DEFECTS", "desk", "look_for", "orders", "positions", "risk"]

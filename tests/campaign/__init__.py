"""The campaign: the real client and feed against the real exchange, an hour at a time, with faults drawn from a seed.

`scenario.py` is one run, `faults.py` its plan, `invariants.py` what must hold, `defects.py` what the invariants must
catch. `python -m tests.campaign --seeds 100` (`make campaign`) runs many; `test_campaign.py` runs ten and every defect.
"""

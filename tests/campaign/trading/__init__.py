"""The trading campaign: the whole engine against the exchange, hours at a time, with faults, deaths and people.

`life.py` is an engine that can die between any two steps, `desk.py` all that it stands on, `tail.py` a second reader of
what it wrote, `people.py` what a person does, `faults.py` what goes wrong, `scenario.py` one run, `watch.py` what is
looked at while it runs and `ending.py` when it is over, `invariants.py` what must hold.
"""

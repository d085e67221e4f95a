"""The trading campaign: the whole engine against the exchange, hours at a time, with faults, deaths and people.

`life.py` is an engine that can die between any two steps, `tail.py` a second reader of what it wrote, `people.py` what
a person does, `spot.py` the exchange's account behind the same gateway, `scenario.py` one run, `watch.py` what is looked
at while it runs, `invariants.py` what must hold, `defects.py` what the invariants must catch, `scripts.py` and
`crash.py` the runs that die at every step.
"""

"""The trading campaign: the whole engine against the exchange, hours at a time, with faults, deaths and people.

`life.py` is an engine that can die between any two steps, `tail.py` a second reader of what it wrote, `people.py` what
a person does, `scenario.py` one run, `watch.py` what is looked at while it runs, `invariants.py` what must hold.
"""

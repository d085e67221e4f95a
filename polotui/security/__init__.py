"""Who may, and with what? The safety score of this machine: what is looked at, how it is weighed, and its record.

`facts.py` looks (files, environment, process), `checks/` judges one thing each from those facts, `score.py` weighs the
outcomes, `record.py` signs the result. Nothing here changes anything, except for making the key that signs.
"""

"""polotui: the trading desk for the Poloniex exchange that lives in a terminal.

The folders tell the story; `docs/architecture.md` is the map. This file imports nothing, because the
start-up time of every face begins here.
"""

__version__ = "0.1.0"

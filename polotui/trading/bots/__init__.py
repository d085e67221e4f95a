"""Bots: a strategy document that trades bar by bar through orders.

A bot decides with the backtest's own functions over its own plain objects, so its decisions have the same bits; what it
wants becomes orders, and only fills move its positions. `replay` and the live desk drive the same bot.
"""

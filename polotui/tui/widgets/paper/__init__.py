"""The panes and dialogs of the paper screen: bots, positions, result, feed, orders, journal, signals."""

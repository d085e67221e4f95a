"""The panes of the strategies board."""

"""The panes of the screen Risk."""

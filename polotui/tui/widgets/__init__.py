"""Widgets that draw lines of their own and send only the cells that changed."""

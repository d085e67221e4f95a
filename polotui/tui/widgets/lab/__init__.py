"""The lab's panes: library, editor, preview, checks, and the form of a document's parameters."""

"""How is polotui used from a shell? One file per command; `app.py` holds the table of them.

`face.py` opens the application and imports nothing that it does not need, because that is the start that people feel.
"""

"""Configuration in layers: defaults < file < environment < command-line flag.

`layers.py` merges them and remembers where each value came from (only the standard library, so that the face can use
it); `schema.py` validates with pydantic (engine and command line only); `face.py` is the part that the face reads.
"""

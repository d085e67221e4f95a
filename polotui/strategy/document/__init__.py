"""The strategy document: its specification, grammar, static checks, hash and templates. No numpy in here."""

"""Who asks, as the audit trail names it."""

from __future__ import annotations

import getpass

import pytest

from polotui.core.who import who_asks


def test_who_asks_is_never_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("no such user")

    monkeypatch.setattr("sys.__stdin__", None)
    monkeypatch.setattr(getpass, "getuser", lambda: "ada\x1b")
    assert who_asks() == "ada‹1b›"
    monkeypatch.setattr(getpass, "getuser", nobody)
    assert who_asks().startswith("uid ")

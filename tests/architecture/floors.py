"""The floors: what a package of polotui may import of the others. The table in docs/architecture.md says the same."""

FLOORS: dict[str, frozenset[str]] = {
    "model": frozenset(),
    "core": frozenset({"model"}),
    "api": frozenset({"model", "core"}),
    "strategy": frozenset({"model", "core"}),
    "execution": frozenset({"model", "core"}),
    "risk": frozenset({"model", "core"}),
    "metrics": frozenset({"model", "core"}),
    "poloniex": frozenset({"model", "core"}),
    "storage": frozenset({"model", "core"}),
    "security": frozenset({"model", "core"}),
    "market": frozenset({"model", "core", "poloniex", "storage"}),
    "backtest": frozenset({"model", "core", "strategy", "execution", "risk", "metrics", "storage"}),
    "trading": frozenset(
        {
            *("model", "core", "market", "poloniex", "storage", "security", "strategy", "execution", "risk"),
            "backtest",
        }
    ),
    "insight": frozenset({"model", "core", "market", "strategy", "backtest", "metrics", "storage", "security"}),
    "engine": frozenset(
        {
            *("model", "core", "api", "strategy", "execution", "risk", "metrics", "poloniex", "storage", "security"),
            *("market", "backtest", "trading", "insight"),
        }
    ),
    "tui": frozenset({"model", "core", "api", "strategy.document"}),
    "cli": frozenset({"model", "core", "api", "strategy.document", "security"}),
    "simulator": frozenset({"model", "core"}),
}

#: Third-party packages that a floor may not load, at any depth of its own code.
FORBIDDEN: dict[str, frozenset[str]] = {
    "model": frozenset({"numpy", "pandas", "httpx", "textual", "pydantic"}),
    "core": frozenset({"numpy", "pandas", "httpx", "textual"}),
    "api": frozenset({"numpy", "pandas", "httpx", "textual", "pydantic"}),
    "engine": frozenset({"textual", "rich"}),
    "simulator": frozenset({"textual", "httpx", "aiosqlite", "sqlite3"}),
    "tui": frozenset({"numpy", "pandas", "httpx", "aiosqlite", "sqlite3", "pydantic", "typer", "plotext"}),
}

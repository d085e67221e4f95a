-- Backtest runs, what was looked at further, and sweeps. All of it can be computed again from market.db and the documents.

CREATE TABLE runs (
    run INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    strategy TEXT NOT NULL,
    version INTEGER NOT NULL,
    spec TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'completed', 'failed', 'cancelled')),
    reason TEXT NOT NULL DEFAULT '',
    summary TEXT NOT NULL DEFAULT '',
    created_ms INTEGER NOT NULL,
    deleted_ms INTEGER
) STRICT;

CREATE INDEX runs_by_key ON runs (key);
CREATE INDEX runs_by_strategy ON runs (strategy);

-- The columns of a run (equity, fills, trades) and its tables, each as one blob.
CREATE TABLE run_parts (
    run INTEGER NOT NULL REFERENCES runs (run),
    name TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (run, name)
) STRICT;

CREATE TABLE analyses (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES runs (run),
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX analyses_by_run ON analyses (run);

CREATE TABLE sweeps (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    spec TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'completed', 'failed', 'cancelled')),
    reason TEXT NOT NULL DEFAULT '',
    total INTEGER NOT NULL,
    note TEXT NOT NULL DEFAULT '',
    created_ms INTEGER NOT NULL
) STRICT;

-- One row a combination of parameters; `place` is its number in the sweep's order.
CREATE TABLE sweep_results (
    sweep INTEGER NOT NULL REFERENCES sweeps (number),
    place INTEGER NOT NULL,
    params TEXT NOT NULL,
    figures TEXT NOT NULL,
    PRIMARY KEY (sweep, place)
) STRICT;

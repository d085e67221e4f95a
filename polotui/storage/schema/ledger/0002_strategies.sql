-- Strategies with every version that was saved.

CREATE TABLE strategies (
    name TEXT PRIMARY KEY,
    created_ms INTEGER NOT NULL,
    deleted_ms INTEGER
) STRICT;

CREATE TABLE strategy_versions (
    name TEXT NOT NULL REFERENCES strategies (name),
    version INTEGER NOT NULL,
    text TEXT NOT NULL,
    form TEXT NOT NULL CHECK (form IN ('yaml', 'json')),
    hash TEXT NOT NULL,
    note TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (name, version)
) STRICT;

CREATE TRIGGER strategy_versions_are_never_changed BEFORE UPDATE ON strategy_versions
BEGIN
    SELECT RAISE(ABORT, 'a saved version is never changed');
END;

CREATE TRIGGER strategy_versions_are_never_removed BEFORE DELETE ON strategy_versions
BEGIN
    SELECT RAISE(ABORT, 'a saved version is never removed');
END;

-- Candles: the current day as rows, each past day as one block of columns; gaps and where the candles came from.

CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    venue TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    UNIQUE (venue, symbol, timeframe)
) STRICT;

CREATE TABLE candle_rows (
    series INTEGER NOT NULL REFERENCES series (id),
    open_ms INTEGER NOT NULL,
    open REAL NOT NULL,
    high REAL NOT NULL,
    low REAL NOT NULL,
    close REAL NOT NULL,
    volume REAL NOT NULL,
    amount REAL NOT NULL,
    trades INTEGER NOT NULL,
    PRIMARY KEY (series, open_ms)
) STRICT, WITHOUT ROWID;

CREATE TABLE candle_days (
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL REFERENCES series (id),
    day_ms INTEGER NOT NULL,
    count INTEGER NOT NULL,
    columns BLOB NOT NULL,
    UNIQUE (series, day_ms)
) STRICT;

-- Windows [from_ms, to_ms) for which the source has no candles.
CREATE TABLE gaps (
    series INTEGER NOT NULL REFERENCES series (id),
    from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL,
    reason TEXT NOT NULL,
    noted_ms INTEGER NOT NULL,
    PRIMARY KEY (series, from_ms)
) STRICT, WITHOUT ROWID;

CREATE TABLE provenance (
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL REFERENCES series (id),
    from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL,
    candles INTEGER NOT NULL,
    source TEXT NOT NULL,
    written_ms INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;

CREATE INDEX provenance_by_series_time ON provenance (series, from_ms);

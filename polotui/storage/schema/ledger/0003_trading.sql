-- Trading: what was asked, what became of it, what it cost, and what protects the account.

-- The terms of every order, durable before the first byte leaves. Never changed.
CREATE TABLE intents (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    bot INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    type TEXT NOT NULL,
    purpose TEXT NOT NULL,
    quantity TEXT,
    amount TEXT,
    price TEXT,
    stop TEXT,
    target TEXT,
    time_in_force TEXT NOT NULL,
    expire_ms INTEGER NOT NULL,
    reason TEXT NOT NULL,
    signal TEXT NOT NULL,
    parent TEXT NOT NULL,
    late_ms INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

-- An account is `paper` or one below it, `paper/bot-3`; its root is the part before the slash.
CREATE INDEX intents_by_bot ON intents (bot, number);
CREATE INDEX intents_by_account ON intents (account, number);
CREATE INDEX intents_by_root ON intents (substr(account, 1, instr(account || '/', '/') - 1), number);

-- Where to look for orders that are not final, so that a start need not read them all. What counts is their events.
CREATE TABLE open_orders (
    order_id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Every move of an order from one state to the next.
CREATE TABLE order_events (
    number INTEGER PRIMARY KEY,
    order_id TEXT NOT NULL,
    state TEXT NOT NULL,
    venue_id TEXT NOT NULL,
    code TEXT NOT NULL,
    words TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

CREATE INDEX order_events_by_order ON order_events (order_id, number);

-- Every trade of an order of ours. `entries` has the money it moved, written in the same transaction.
CREATE TABLE fills (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    order_id TEXT NOT NULL,
    account TEXT NOT NULL,
    bot INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    price TEXT NOT NULL,
    quantity TEXT NOT NULL,
    fee TEXT NOT NULL,
    fee_currency TEXT NOT NULL,
    maker INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    reason TEXT NOT NULL,
    signal TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    booked_ms INTEGER NOT NULL,
    late_ms INTEGER NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

CREATE INDEX fills_by_order ON fills (order_id, number);
CREATE INDEX fills_by_account ON fills (account, number);
CREATE INDEX fills_by_account_time ON fills (account, at_ms);
CREATE INDEX fills_by_root ON fills (substr(account, 1, instr(account || '/', '/') - 1), number);
CREATE INDEX fills_by_bot ON fills (bot, number);

-- Who did what: refusals, halts, limits changed, latches set and cleared, notes on unknown orders.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    caller TEXT NOT NULL,
    account TEXT NOT NULL,
    symbol TEXT NOT NULL,
    code TEXT NOT NULL,
    text TEXT NOT NULL,
    detail TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

CREATE INDEX audit_by_kind ON audit (kind, number);
CREATE INDEX audit_by_caller ON audit (caller, number);

-- Latches: each row sets or clears one; the newest row of a name counts, together with its mirror file.
CREATE TABLE latches (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    account TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('set', 'clear')),
    reason TEXT NOT NULL,
    day INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

CREATE INDEX latches_by_name ON latches (name, account, number);

CREATE INDEX entries_by_account ON entries (account, number);

-- The ends of the chains above, so that rows cut off at an end are noticed.
CREATE TABLE chain_heads (
    chain TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO chain_heads SELECT 'entries', number, hash FROM chain_head;
DROP TABLE chain_head;

CREATE TRIGGER intents_are_never_changed BEFORE UPDATE ON intents
BEGIN SELECT RAISE(ABORT, 'intents are never changed'); END;
CREATE TRIGGER intents_are_never_removed BEFORE DELETE ON intents
BEGIN SELECT RAISE(ABORT, 'intents are never removed'); END;
CREATE TRIGGER order_events_are_never_changed BEFORE UPDATE ON order_events
BEGIN SELECT RAISE(ABORT, 'order events are never changed'); END;
CREATE TRIGGER order_events_are_never_removed BEFORE DELETE ON order_events
BEGIN SELECT RAISE(ABORT, 'order events are never removed'); END;
CREATE TRIGGER fills_are_never_changed BEFORE UPDATE ON fills
BEGIN SELECT RAISE(ABORT, 'fills are never changed'); END;
CREATE TRIGGER fills_are_never_removed BEFORE DELETE ON fills
BEGIN SELECT RAISE(ABORT, 'fills are never removed'); END;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;
CREATE TRIGGER audit_is_never_removed BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are never removed'); END;
CREATE TRIGGER latches_are_never_changed BEFORE UPDATE ON latches
BEGIN SELECT RAISE(ABORT, 'latches are never changed'); END;
CREATE TRIGGER latches_are_never_removed BEFORE DELETE ON latches
BEGIN SELECT RAISE(ABORT, 'latches are never removed'); END;

-- Bots: a strategy version on symbols with capital. State here is what restart needs; money is in the ledger.
CREATE TABLE bots (
    id INTEGER PRIMARY KEY,
    strategy TEXT NOT NULL,
    version INTEGER NOT NULL,
    params TEXT NOT NULL,
    symbols TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    account TEXT NOT NULL,
    capital TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'paused', 'stopping', 'stopped', 'failed')),
    reason TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER
) STRICT;

CREATE INDEX bots_by_state ON bots (state, started_ms);

-- One row a bot and symbol, replaced with each decision and fill: what the bot must not forget.
CREATE TABLE bot_states (
    bot INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    anchor_ms INTEGER NOT NULL,
    bar_ms INTEGER NOT NULL,
    fill_number INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (bot, symbol)
) STRICT, WITHOUT ROWID;

-- What protects each open position: stop, target, and the orders that carry them out.
CREATE TABLE protections (
    account TEXT NOT NULL,
    symbol TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (account, symbol)
) STRICT, WITHOUT ROWID;

-- Signals: what a rule asked for at a bar's close, and how it ended.
CREATE TABLE signals (
    id TEXT PRIMARY KEY,
    bot INTEGER NOT NULL,
    strategy TEXT NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    bar_ms INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    entry TEXT NOT NULL,
    stop TEXT,
    target TEXT,
    score REAL,
    confirmation TEXT NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('new', 'active', 'closed')),
    ending TEXT NOT NULL,
    closed_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX signals_by_state_time ON signals (state, at_ms);
CREATE INDEX signals_by_symbol_state ON signals (symbol, state);
CREATE INDEX signals_by_bot ON signals (bot, at_ms);

-- A signal is active from the first fill of its entry on.
CREATE TRIGGER signals_become_active AFTER INSERT ON fills WHEN NEW.signal <> '' AND NEW.purpose = 'entry'
BEGIN
    UPDATE signals SET state = 'active' WHERE id = NEW.signal AND state = 'new';
END;

-- Closed trades of bots and by hand: from the first fill that opened a position to the one that closed it.
CREATE TABLE trades (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    bot INTEGER NOT NULL,
    strategy TEXT NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    entry_ms INTEGER NOT NULL,
    exit_ms INTEGER NOT NULL,
    entry_price TEXT NOT NULL,
    exit_price TEXT NOT NULL,
    quantity TEXT NOT NULL,
    stop TEXT,
    target TEXT,
    fees TEXT NOT NULL,
    other_fees TEXT NOT NULL,
    profit TEXT NOT NULL,
    invested TEXT NOT NULL,
    reason TEXT NOT NULL,
    signal TEXT NOT NULL,
    first_fill INTEGER NOT NULL,
    last_fill INTEGER NOT NULL UNIQUE
) STRICT;

CREATE INDEX trades_by_account ON trades (account, id);
CREATE INDEX trades_by_root ON trades (substr(account, 1, instr(account || '/', '/') - 1), id);
CREATE INDEX trades_by_account_time ON trades (account, exit_ms);
CREATE INDEX trades_by_bot ON trades (bot, id);
CREATE INDEX trades_by_symbol ON trades (symbol, id);

-- Trades that are under way, one row an account and symbol: the fold over its fills so far, written with each fill.
CREATE TABLE open_trades (
    account TEXT NOT NULL,
    symbol TEXT NOT NULL,
    last_fill INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (account, symbol)
) STRICT, WITHOUT ROWID;

-- The journal: notes and tags of a person beside a trade, and the rules as they stood at its entry.
CREATE TABLE journal (
    id INTEGER PRIMARY KEY,
    trade INTEGER,
    at_ms INTEGER NOT NULL,
    note TEXT NOT NULL,
    tags TEXT NOT NULL,
    snapshot TEXT NOT NULL
) STRICT;

CREATE INDEX journal_by_trade ON journal (trade);

-- Pairs that may not be entered, until when and why. `lifted_ms`: by hand, before its end.
CREATE TABLE pair_locks (
    id INTEGER PRIMARY KEY,
    symbol TEXT NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    lifted_ms INTEGER
) STRICT;

CREATE INDEX pair_locks_by_symbol ON pair_locks (symbol, until_ms);

-- Limits as they were set; the newest row whose time has come counts.
CREATE TABLE limit_sets (
    number INTEGER PRIMARY KEY,
    preset TEXT NOT NULL,
    limits TEXT NOT NULL,
    caller TEXT NOT NULL,
    reason TEXT NOT NULL,
    set_ms INTEGER NOT NULL,
    from_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE alerts (
    id INTEGER PRIMARY KEY,
    class TEXT NOT NULL,
    code TEXT NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('near', 'breach', 'unusual', 'safety')),
    text TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    acknowledged_ms INTEGER,
    cured_ms INTEGER
) STRICT;

CREATE INDEX alerts_by_time ON alerts (at_ms);

-- What a protection prevented: a refusal or a forced exit, and what the trade would have become (an estimate).
CREATE TABLE prevented (
    id INTEGER PRIMARY KEY,
    layer TEXT NOT NULL,
    code TEXT NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity REAL NOT NULL,
    price REAL NOT NULL,
    stop REAL,
    target REAL,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    result REAL,
    ending TEXT NOT NULL
) STRICT;

CREATE INDEX prevented_open ON prevented (until_ms) WHERE result IS NULL;

-- What a fact of trading belongs to.
ALTER TABLE facts ADD COLUMN bot INTEGER NOT NULL DEFAULT 0;
ALTER TABLE facts ADD COLUMN ref TEXT NOT NULL DEFAULT '';
CREATE INDEX facts_by_bot ON facts (bot, number);

"""The simulators' own memory: one SQLite file that outlives their process."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS ledger (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    service TEXT NOT NULL,
    operation TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    subject TEXT NOT NULL,
    amount TEXT,
    at REAL NOT NULL,
    reference TEXT,
    reverses TEXT,
    correlation_id TEXT,
    UNIQUE (service, idempotency_key)
);
CREATE INDEX IF NOT EXISTS ledger_subject ON ledger (subject);
CREATE INDEX IF NOT EXISTS ledger_reverses ON ledger (service, reverses) WHERE reverses IS NOT NULL;
CREATE TABLE IF NOT EXISTS replies (
    service TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (service, idempotency_key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS closed_keys (
    service TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    PRIMARY KEY (service, idempotency_key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erp_orders (
    reference TEXT PRIMARY KEY,
    idempotency_key TEXT NOT NULL UNIQUE,
    order_id TEXT NOT NULL,
    state TEXT NOT NULL,
    erp_number TEXT,
    reason TEXT,
    decide_at REAL NOT NULL,
    correlation_id TEXT
);
CREATE INDEX IF NOT EXISTS erp_orders_pending ON erp_orders (decide_at) WHERE state = 'pending';
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook_id TEXT NOT NULL,
    body TEXT NOT NULL,
    correlation_id TEXT,
    state TEXT NOT NULL DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at REAL NOT NULL,
    first_sent_at REAL,
    last_answer TEXT
);
CREATE INDEX IF NOT EXISTS deliveries_pending ON deliveries (due_at) WHERE state = 'pending';
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

#: What a reset empties; the settings (dials and seed) stay.
EFFECT_TABLES = ("ledger", "replies", "closed_keys", "erp_orders", "deliveries")


class Store:
    """One connection to the SQLite file, used by one thread at a time.

    Write-ahead logging with `synchronous=NORMAL`: what was committed survives a killed process (not a power cut), and
    several hundred effects a second fit on a slow disk.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
        self.db.row_factory = sqlite3.Row
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = NORMAL")
        self.db.executescript(SCHEMA)

    def close(self) -> None:
        self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing. Takes the write lock at once, so that what was read stays true until the commit."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def setting(self, name: str) -> str | None:
        row = self.db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row["value"])

    def keep_setting(self, name: str, value: str) -> None:
        self.db.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, value))

    def forget_effects(self) -> None:
        """Empty the ledger and all that belongs to it; the dials stay."""
        with self.transaction() as db:
            for table in EFFECT_TABLES:
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - the names are constants of this module

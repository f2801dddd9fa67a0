-- The calls that have a slot of a binding, or that wait for one: see slot_queue.py.

CREATE TABLE slot (
    binding TEXT NOT NULL,
    id TEXT NOT NULL,
    account TEXT NOT NULL, -- not a reference: no money depends on it
    arrived INTEGER NOT NULL,
    turn INTEGER NOT NULL,
    leased INTEGER NOT NULL CHECK (leased IN (0, 1)),
    expires_at REAL NOT NULL,
    PRIMARY KEY (binding, id)
) WITHOUT ROWID;

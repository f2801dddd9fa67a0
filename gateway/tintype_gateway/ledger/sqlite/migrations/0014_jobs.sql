-- Jobs: see jobs.py. Times are Unix seconds.

CREATE TABLE job (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (name),
    hold_id TEXT NOT NULL UNIQUE, -- not a reference: a job may stay longer than its hold
    amount INTEGER NOT NULL CHECK (typeof(amount) = 'integer'), -- of the hold
    key_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    model TEXT NOT NULL,
    summary TEXT NOT NULL, -- a JSON object
    status TEXT NOT NULL DEFAULT 'queued' CHECK (
        status IN ('queued', 'in_progress', 'completed', 'failed', 'cancelled', 'outcome_unknown')
    ),
    phase TEXT NOT NULL DEFAULT 'ready' CHECK (phase IN ('ready', 'sent')),
    payload BLOB, -- sealed, as the tasks and the webhook are; NULL when the job has ended
    tasks BLOB,
    webhook BLOB,
    trace_parent TEXT,
    retention_seconds INTEGER NOT NULL,
    created_at REAL NOT NULL,
    started_at REAL,
    finished_at REAL,
    expires_at REAL,
    cancel_requested_at REAL,
    claim TEXT, -- of the worker that has it, or had it last
    lease_until REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    events INTEGER NOT NULL DEFAULT 0, -- the number of the last one
    result TEXT, -- JSON objects
    error TEXT,
    charged INTEGER CHECK (charged IS NULL OR typeof(charged) = 'integer'), -- NULL: nothing
    available INTEGER,
    CHECK ((status IN ('queued', 'in_progress')) = (finished_at IS NULL)),
    CHECK ((finished_at IS NULL) = (expires_at IS NULL)),
    CHECK ((status = 'in_progress') = (lease_until IS NOT NULL)),
    CHECK (status <> 'completed' OR charged IS NOT NULL)
);

CREATE INDEX job_of_account ON job (account, id);
CREATE INDEX job_by_status ON job (account, status, id);
CREATE INDEX live_job ON job (model, status, created_at)
WHERE status IN ('queued', 'in_progress');
CREATE INDEX job_lease ON job (lease_until) WHERE status = 'in_progress';
CREATE INDEX job_expiry ON job (expires_at) WHERE expires_at IS NOT NULL;

-- The jobs of each account that have not ended, and its turn: the lower, the sooner.
CREATE TABLE job_queue (
    account TEXT NOT NULL PRIMARY KEY REFERENCES account (name),
    queued INTEGER NOT NULL DEFAULT 0 CHECK (queued >= 0),
    running INTEGER NOT NULL DEFAULT 0 CHECK (running >= 0),
    turn INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE INDEX job_turn ON job_queue (turn, account) WHERE queued > 0;
CREATE INDEX last_job_turn ON job_queue (turn);

CREATE TABLE job_event (
    job TEXT NOT NULL REFERENCES job (id),
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT, -- of its record in the image store
    data TEXT NOT NULL, -- a JSON object
    PRIMARY KEY (job, number)
) WITHOUT ROWID;

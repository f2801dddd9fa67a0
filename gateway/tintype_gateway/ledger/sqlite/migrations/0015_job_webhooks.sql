-- The secrets that sign the webhooks of jobs, and the message of each job that ends.
-- Times are Unix seconds.
CREATE TABLE webhook_secret (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (name),
    sealed BLOB NOT NULL, -- encrypted with the key of jobs
    created_at REAL NOT NULL,
    expires_at REAL -- NULL: never
);

CREATE INDEX webhook_secret_of_account ON webhook_secret (account, created_at);

-- Whatever ends a job adds its message. The body is written when it is sent, from the job.
CREATE TRIGGER job_has_ended AFTER UPDATE OF finished_at ON job
WHEN old.finished_at IS NULL AND new.finished_at IS NOT NULL AND new.webhook IS NOT NULL
BEGIN
    INSERT INTO webhook_delivery (id, type, destination, account, payload, created_at, due_at)
    VALUES (
        'msg_' || new.id || '_' || new.status, 'image.job.' || new.status, 'job:' || new.id,
        new.account, '', new.finished_at, new.finished_at
    ) ON CONFLICT (id) DO NOTHING;
END;

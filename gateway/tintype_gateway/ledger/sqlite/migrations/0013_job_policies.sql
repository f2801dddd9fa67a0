-- Limits of an account's jobs, and whether they may have webhooks. NULL: the gateway's default.

ALTER TABLE account ADD COLUMN queued_jobs INTEGER CHECK (queued_jobs > 0);
ALTER TABLE account ADD COLUMN running_jobs INTEGER CHECK (running_jobs > 0);
ALTER TABLE account ADD COLUMN webhooks INTEGER NOT NULL DEFAULT 0 CHECK (webhooks IN (0, 1));

-- Limits of an account's jobs, and whether they may have webhooks. Null: the gateway's default.

ALTER TABLE account
ADD COLUMN queued_jobs integer CHECK (queued_jobs > 0),
ADD COLUMN running_jobs integer CHECK (running_jobs > 0),
ADD COLUMN webhooks boolean NOT NULL DEFAULT false;

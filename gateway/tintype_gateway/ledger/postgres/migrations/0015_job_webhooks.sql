-- The secrets that sign the webhooks of jobs, and the message of each job that ends.
CREATE TABLE webhook_secret (
    id text PRIMARY KEY,
    account text NOT NULL REFERENCES account,
    sealed bytea NOT NULL, -- encrypted with the key of jobs
    created_at timestamptz NOT NULL,
    expires_at timestamptz -- null: never
);

CREATE INDEX webhook_secret_of_account ON webhook_secret (account, created_at);

-- Whatever ends a job adds its message. The body is written when it is sent, from the job.
CREATE FUNCTION job_has_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO webhook_delivery (id, type, destination, account, payload, created_at, due_at)
    VALUES (
        format('msg_%s_%s', new.id, new.status), 'image.job.' || new.status, 'job:' || new.id,
        new.account, '', new.finished_at, new.finished_at
    ) ON CONFLICT (id) DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER job_has_ended AFTER UPDATE OF finished_at ON job FOR EACH ROW
WHEN (old.finished_at IS NULL AND new.finished_at IS NOT NULL AND new.webhook IS NOT NULL)
EXECUTE FUNCTION job_has_ended();

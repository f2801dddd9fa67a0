-- Runs that archive old postings: see archive/run.py.

ALTER TABLE posting
DROP CONSTRAINT posting_kind_check,
DROP CONSTRAINT posting_check,
ADD CONSTRAINT posting_kind_check
CHECK (kind IN ('grant', 'adjustment', 'charge', 'late_charge', 'carried_forward')),
ADD CONSTRAINT posting_check
CHECK ((hold_id IS NULL) = (kind IN ('grant', 'adjustment', 'carried_forward')));

CREATE TABLE archive_run (
    id text PRIMARY KEY,
    older_than timestamptz NOT NULL,
    started_at timestamptz NOT NULL,
    file text,
    sha256 text, -- null until the file is on the disk, and so while nothing may be deleted
    postings bigint,
    finished_at timestamptz,
    CHECK ((sha256 IS NULL) = (postings IS NULL) AND (sha256 IS NULL) = (file IS NULL)),
    CHECK (finished_at IS NULL OR sha256 IS NOT NULL)
);

-- One run at a time: the next one completes it.
CREATE UNIQUE INDEX unfinished_archive_run ON archive_run ((finished_at IS NULL))
WHERE finished_at IS NULL;

-- What the unfinished run archives.
CREATE TABLE archived_posting (
    posting_id uuid PRIMARY KEY,
    run_id text NOT NULL REFERENCES archive_run (id),
    hold_id text
);

-- What each run has deleted, and which posting carries it forward.
CREATE TABLE archived_sum (
    account text NOT NULL,
    counterpart text NOT NULL, -- sys:funding or sys:revenue
    run_id text NOT NULL REFERENCES archive_run (id),
    posting_id uuid NOT NULL REFERENCES posting (id),
    postings bigint NOT NULL,
    amount bigint NOT NULL, -- on the account
    images bigint NOT NULL,
    PRIMARY KEY (account, counterpart, run_id)
);

CREATE INDEX archived_sum_of_posting ON archived_sum (posting_id);

-- For a posting that the unfinished run has written to its file.
CREATE FUNCTION refuse_unarchived_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_posting uuid;
BEGIN
    IF tg_table_name = 'posting' THEN
        v_posting := old.id;
    ELSE
        v_posting := old.posting_id;
    END IF;
    IF NOT EXISTS (
        SELECT FROM archived_posting JOIN archive_run ON archive_run.id = run_id
        WHERE posting_id = v_posting AND sha256 IS NOT NULL
    ) THEN
        RAISE restrict_violation USING MESSAGE = format('rows of %I are append-only', tg_table_name);
    END IF;
    RETURN old;
END $$;

-- For the amount of a posting that carries forward.
CREATE FUNCTION refuse_unarchived_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.posting_id <> old.posting_id OR new.account <> old.account
        OR NOT EXISTS (
            SELECT FROM posting WHERE id = old.posting_id AND kind = 'carried_forward')
        OR NOT EXISTS (
            SELECT FROM archive_run WHERE sha256 IS NOT NULL AND finished_at IS NULL)
    THEN
        RAISE restrict_violation USING MESSAGE = format('rows of %I are append-only', tg_table_name);
    END IF;
    RETURN new;
END $$;

DROP TRIGGER posting_is_append_only ON posting;
CREATE TRIGGER posting_is_append_only BEFORE UPDATE OR TRUNCATE ON posting
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER posting_is_not_deleted BEFORE DELETE ON posting
FOR EACH ROW EXECUTE FUNCTION refuse_unarchived_deletion();

DROP TRIGGER entry_is_append_only ON entry;
CREATE TRIGGER entry_is_append_only BEFORE TRUNCATE ON entry
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entry_is_not_updated BEFORE UPDATE ON entry
FOR EACH ROW EXECUTE FUNCTION refuse_unarchived_update();
CREATE TRIGGER entry_is_not_deleted BEFORE DELETE ON entry
FOR EACH ROW EXECUTE FUNCTION refuse_unarchived_deletion();

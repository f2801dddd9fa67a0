-- What is put by its name, and the log of all changes: see changes.py.

ALTER TABLE account
ADD COLUMN display_name text NOT NULL DEFAULT '',
ADD COLUMN suspended boolean NOT NULL DEFAULT false,
ADD COLUMN owner text, -- null: nothing puts it
ADD COLUMN deletion_policy text NOT NULL DEFAULT 'retain'
CHECK (deletion_policy IN ('retain', 'suspend'));

CREATE INDEX account_of_owner ON account (owner COLLATE "C") WHERE owner IS NOT NULL;

ALTER TABLE api_key
ADD COLUMN owner text, -- null: the ledger made it
ADD COLUMN name text;

CREATE INDEX key_of_owner ON api_key (owner COLLATE "C") WHERE owner IS NOT NULL;

-- A grant that is made once for good. Archive runs leave it.
ALTER TABLE posting
ADD COLUMN reference text,
ADD CHECK (reference IS NULL OR kind = 'grant');

CREATE UNIQUE INDEX posting_of_reference ON posting (reference) WHERE reference IS NOT NULL;

CREATE TABLE change (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    at timestamptz NOT NULL,
    author_kind text NOT NULL,
    author_name text NOT NULL,
    author_details jsonb NOT NULL,
    author_role text,
    request_id text,
    action text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    account text, -- not a reference: what is reported need not be there
    before jsonb,
    after jsonb,
    CHECK (before IS NOT NULL OR after IS NOT NULL)
);

CREATE INDEX change_of_name ON change (kind, name, sequence);
CREATE INDEX change_of_account ON change (account, sequence) WHERE account IS NOT NULL;
CREATE INDEX change_at ON change (at);

-- Changes that no gateway has written to its standard output yet; one does so until a time.
CREATE TABLE change_line (
    sequence bigint PRIMARY KEY,
    claimed_until timestamptz
);

CREATE FUNCTION change_gets_a_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO change_line (sequence) VALUES (new.sequence);
    RETURN NULL;
END $$;

CREATE TRIGGER change_gets_a_line AFTER INSERT ON change
FOR EACH ROW EXECUTE FUNCTION change_gets_a_line();

-- Changes that are older than this may be deleted; one row at most.
CREATE TABLE change_retention (
    id integer PRIMARY KEY CHECK (id = 1),
    older_than timestamptz NOT NULL
);

CREATE FUNCTION refuse_early_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM change_retention WHERE old.at < older_than) THEN
        RAISE restrict_violation USING MESSAGE = format('rows of %I are append-only', tg_table_name);
    END IF;
    RETURN old;
END $$;

CREATE TRIGGER change_is_append_only BEFORE UPDATE OR TRUNCATE ON change
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER change_is_not_deleted BEFORE DELETE ON change
FOR EACH ROW EXECUTE FUNCTION refuse_early_deletion();

-- A grant or an adjustment that is made once, however often it is asked for with the same key.

ALTER TABLE posting
ADD COLUMN idempotency_key text,
ADD COLUMN request_digest text,
ADD CHECK ((idempotency_key IS NULL) = (request_digest IS NULL)),
ADD CHECK (idempotency_key IS NULL OR hold_id IS NULL);

CREATE UNIQUE INDEX posting_of_idempotency_key ON posting (idempotency_key)
WHERE idempotency_key IS NOT NULL;

-- Returns the account, or why not. Requests with one key wait for each other.
CREATE FUNCTION ledger_fund(
    p_now timestamptz, p_call uuid, p_kind text, p_name text, p_amount bigint, p_reason text,
    p_idempotency_key text, p_request_digest text, OUT refusal text, OUT funded account
) LANGUAGE plpgsql AS $$
DECLARE
    v_first posting;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_idempotency_key, 1));
    SELECT * INTO v_first FROM posting WHERE id = p_call OR idempotency_key = p_idempotency_key;
    IF v_first.request_digest <> p_request_digest THEN
        refusal := 'mismatch';
        RETURN;
    END IF;
    PERFORM FROM account WHERE name = p_name FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        refusal := 'no account';
        RETURN;
    END IF;
    IF v_first.id IS NULL THEN
        INSERT INTO posting (id, kind, reason, created_at, idempotency_key, request_digest)
        VALUES (
            p_call, p_kind, p_reason, coalesce(p_now, clock_timestamp()),
            p_idempotency_key, p_request_digest);
        INSERT INTO entry (posting_id, account, amount)
        VALUES (p_call, 'sys:funding', -p_amount), (p_call, p_name, p_amount);
    END IF;
    SELECT * INTO funded FROM account WHERE name = p_name;
END $$;

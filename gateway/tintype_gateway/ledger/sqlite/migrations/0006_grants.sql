-- A grant or an adjustment that is made once, however often it is asked for with the same key.

ALTER TABLE posting ADD COLUMN idempotency_key TEXT
CHECK (idempotency_key IS NULL OR hold_id IS NULL);
ALTER TABLE posting ADD COLUMN request_digest TEXT
CHECK ((idempotency_key IS NULL) = (request_digest IS NULL));

CREATE UNIQUE INDEX posting_of_idempotency_key ON posting (idempotency_key)
WHERE idempotency_key IS NOT NULL;

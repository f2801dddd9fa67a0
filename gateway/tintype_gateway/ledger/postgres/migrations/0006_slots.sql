-- The calls that have a slot of a binding, or that wait for one: see slot_queue.py.

CREATE TABLE slot (
    binding text NOT NULL,
    id text NOT NULL,
    account text NOT NULL, -- not a reference: no money depends on it
    arrived bigint NOT NULL,
    turn bigint NOT NULL,
    leased boolean NOT NULL DEFAULT false,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (binding, id)
) WITH (fillfactor = 50);

-- The calls that wait, with the places that slot_queue.fair_order gives them.
CREATE VIEW slot_queue AS
SELECT binding, id, account, row_number() OVER (PARTITION BY binding ORDER BY round, turn) AS place
FROM (
    SELECT
        binding, id, account, turn,
        row_number() OVER (PARTITION BY binding, account ORDER BY arrived) AS round
    FROM slot
    WHERE NOT leased
) AS waiting;

-- slot_queue.exchange. Returns the calls of `p_ids` that have a slot, which have no place, and those
-- that wait. The gateways of a release come one after another.
CREATE FUNCTION ledger_slots(
    p_now timestamptz, p_binding text, p_slots integer, p_queue integer,
    p_lease interval, p_waiting interval, p_ids text[], p_accounts text[], p_freed text[]
) RETURNS TABLE (call text, place bigint) LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz;
    v_clock bigint;
    v_free bigint;
    v_granted text[];
    v_accounts text[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_binding, 2));
    v_now := coalesce(p_now, clock_timestamp());
    DELETE FROM slot
    WHERE binding = p_binding AND (id = ANY (p_freed) OR expires_at <= v_now);
    SELECT coalesce(max(greatest(arrived, turn)), 0) INTO v_clock
    FROM slot WHERE binding = p_binding;
    UPDATE slot SET expires_at = v_now + p_waiting
    WHERE binding = p_binding AND id = ANY (p_ids) AND NOT leased;
    INSERT INTO slot (binding, id, account, arrived, turn, expires_at)
    SELECT
        p_binding, wanted.id, wanted.account, v_clock + n,
        coalesce(
            (
                SELECT turn FROM slot
                WHERE binding = p_binding AND account = wanted.account AND NOT leased LIMIT 1
            ),
            v_clock + min(n) OVER (PARTITION BY wanted.account)
        ),
        v_now + p_waiting
    FROM unnest(p_ids, p_accounts) WITH ORDINALITY AS wanted (id, account, n)
    WHERE NOT EXISTS (SELECT FROM slot WHERE binding = p_binding AND slot.id = wanted.id);
    v_clock := v_clock + cardinality(p_ids);

    SELECT greatest(p_slots - count(*), 0) INTO v_free
    FROM slot WHERE binding = p_binding AND leased;
    DELETE FROM slot USING slot_queue AS queue
    WHERE slot.binding = p_binding AND queue.binding = p_binding AND slot.id = queue.id
        AND queue.place > v_free + p_queue;
    SELECT array_agg(queue.id ORDER BY queue.place), array_agg(account ORDER BY queue.place)
    INTO v_granted, v_accounts
    FROM slot_queue AS queue
    WHERE binding = p_binding AND queue.place <= v_free AND queue.id = ANY (p_ids);
    UPDATE slot SET leased = true, expires_at = v_now + p_lease
    WHERE binding = p_binding AND id = ANY (v_granted);
    UPDATE slot SET turn = v_clock + granted.n
    FROM (
        SELECT account, max(n) AS n
        FROM unnest(v_accounts) WITH ORDINALITY AS each (account, n) GROUP BY account
    ) AS granted
    WHERE slot.binding = p_binding AND slot.account = granted.account AND NOT slot.leased;

    RETURN QUERY
    SELECT slot.id, queue.place
    FROM slot LEFT JOIN slot_queue AS queue ON queue.binding = p_binding AND queue.id = slot.id
    WHERE slot.binding = p_binding AND slot.id = ANY (p_ids);
END $$;

-- The arithmetic of rates.py, for the transaction that takes a hold.

-- rates.take; null where there is no limit.
CREATE FUNCTION ledger_take(p_full_at bigint, p_now bigint, p_units integer, p_per_minute integer)
RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_per_minute IS NOT NULL
        THEN greatest(p_full_at, p_now) + p_units::bigint * 60000000 / p_per_minute END;
$$;

-- rates.wait; 0 where there is no limit, as greatest() passes over nulls.
CREATE FUNCTION ledger_wait(p_full_at bigint, p_now bigint, p_units integer, p_per_minute integer)
RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(
        0, ledger_take(p_full_at, p_now, least(p_units, p_per_minute), p_per_minute)
            - p_now - 60000000);
$$;

-- A rate for all calls of an account, and holds that came to nothing, which are forgotten.

ALTER TABLE account ADD COLUMN calls_per_minute INTEGER CHECK (calls_per_minute > 0); -- NULL: see Policy

CREATE INDEX released_hold ON hold (closed_at) WHERE state = 'released' AND outcome_unknown = 0;

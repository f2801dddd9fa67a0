-- The shape of an account's responses.

ALTER TABLE account ADD COLUMN response_profile TEXT -- NULL: the gateway's default
CHECK (response_profile IN ('router', 'openai'));

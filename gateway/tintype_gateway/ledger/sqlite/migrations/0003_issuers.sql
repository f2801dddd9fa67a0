-- Whose tokens opened an account, so that their number can be bounded.

ALTER TABLE account ADD COLUMN issuer TEXT; -- NULL: an administrator opened it

CREATE INDEX account_of_issuer ON account (issuer) WHERE issuer IS NOT NULL;

-- Whether an account's prompts and images are not checked by the policy service.

ALTER TABLE account
ADD COLUMN guardrail_exempt INTEGER NOT NULL DEFAULT 0 CHECK (guardrail_exempt IN (0, 1));

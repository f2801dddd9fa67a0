-- Whether an account's prompts and images are not checked by the policy service.

ALTER TABLE account
ADD COLUMN guardrail_exempt boolean NOT NULL DEFAULT false;

-- How often a job that was claimed was handed back, so that it is not counted among those whose
-- workers were lost.
ALTER TABLE job ADD COLUMN handed_back INTEGER NOT NULL DEFAULT 0;

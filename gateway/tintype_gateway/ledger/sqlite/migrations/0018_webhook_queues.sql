-- The messages of each queue (see QUEUE in outbox.py), so that those of a busy one are passed over
-- without being read.
CREATE INDEX webhook_of_queue ON webhook_delivery (
    (CASE WHEN substr(destination, 1, 4) = 'job:' THEN 'jobs of ' || account ELSE destination END),
    due_at
) WHERE state = 'pending';

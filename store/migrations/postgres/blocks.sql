-- A row is a block: a call, or n calls of the same key, user, team and customer, as a JSON array. They began from first to
-- start. id is the request id of a call that is alone and has an id without a time.
ALTER TABLE spend_logs DROP CONSTRAINT spend_logs_pkey;
ALTER TABLE spend_logs ADD COLUMN first BIGINT, ADD COLUMN n BIGINT NOT NULL DEFAULT 1;
UPDATE spend_logs SET first = start;
ALTER TABLE spend_logs ALTER COLUMN first SET NOT NULL;
CREATE INDEX spend_logs_id ON spend_logs (id) WHERE id <> '';

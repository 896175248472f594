-- A row is a block: a call, or n calls of the same key, user, team and customer, as a JSON array. They began from first to
-- start. id is the request id of a call that is alone and has an id without a time.
ALTER TABLE spend_logs DROP CONSTRAINT spend_logs_pkey;
ALTER TABLE spend_logs ADD COLUMN first BIGINT, ADD COLUMN n BIGINT NOT NULL DEFAULT 1;
UPDATE spend_logs SET first = start;
ALTER TABLE spend_logs ALTER COLUMN first SET NOT NULL;
CREATE INDEX spend_logs_id ON spend_logs (id) WHERE id <> '';
-- Pages are counted and found in the indexes alone.
DROP INDEX spend_logs_start, spend_logs_key, spend_logs_user, spend_logs_team, spend_logs_customer;
CREATE INDEX spend_logs_start ON spend_logs (start) INCLUDE (first, n);
CREATE INDEX spend_logs_key ON spend_logs (key, start) INCLUDE (first, n);
CREATE INDEX spend_logs_user ON spend_logs (user_id, start) INCLUDE (first, n) WHERE user_id <> '';
CREATE INDEX spend_logs_team ON spend_logs (team_id, start) INCLUDE (first, n) WHERE team_id <> '';
CREATE INDEX spend_logs_customer ON spend_logs (customer, start) INCLUDE (first, n) WHERE customer <> '';

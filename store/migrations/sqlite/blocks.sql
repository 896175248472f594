-- A row is a block: a call, or n calls of the same key, user, team and customer, as a JSON array. They began from first to
-- start. id is the request id of a call that is alone and has an id without a time.
ALTER TABLE spend_logs RENAME TO spend_calls;
CREATE TABLE spend_logs (
    id TEXT NOT NULL,
    start BIGINT NOT NULL,
    first BIGINT NOT NULL,
    n BIGINT NOT NULL,
    key TEXT NOT NULL,
    user_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    customer TEXT NOT NULL,
    doc TEXT NOT NULL
);
INSERT INTO spend_logs SELECT id, start, start, 1, key, user_id, team_id, customer, doc FROM spend_calls;
DROP TABLE spend_calls;
CREATE INDEX spend_logs_id ON spend_logs (id) WHERE id <> '';
-- Pages are counted and found in the indexes alone.
CREATE INDEX spend_logs_start ON spend_logs (start, first, n);
CREATE INDEX spend_logs_key ON spend_logs (key, start, first, n);
CREATE INDEX spend_logs_user ON spend_logs (user_id, start, first, n) WHERE user_id <> '';
CREATE INDEX spend_logs_team ON spend_logs (team_id, start, first, n) WHERE team_id <> '';
CREATE INDEX spend_logs_customer ON spend_logs (customer, start, first, n) WHERE customer <> '';

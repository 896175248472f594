-- Rows have the columns that lists filter by, and the call as JSON. Times are microseconds since 1970, in UTC.
CREATE TABLE spend_logs (
    id TEXT NOT NULL,
    start BIGINT NOT NULL,
    key TEXT NOT NULL,
    user_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    customer TEXT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (id, start)
) PARTITION BY RANGE (start);
CREATE INDEX spend_logs_start ON spend_logs (start);
CREATE INDEX spend_logs_key ON spend_logs (key, start);
CREATE INDEX spend_logs_user ON spend_logs (user_id, start) WHERE user_id <> '';
CREATE INDEX spend_logs_team ON spend_logs (team_id, start) WHERE team_id <> '';
CREATE INDEX spend_logs_customer ON spend_logs (customer, start) WHERE customer <> '';
-- The sums of a day, a date in UTC such as 2026-01-31, for each entity that a call counts for.
CREATE TABLE daily_spend (
    day TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    key TEXT NOT NULL,
    model TEXT NOT NULL,
    model_group TEXT NOT NULL,
    provider TEXT NOT NULL,
    input BIGINT NOT NULL,
    output BIGINT NOT NULL,
    cache_read BIGINT NOT NULL,
    cache_write BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    PRIMARY KEY (kind, id, day, key, model, model_group, provider)
);
CREATE INDEX daily_spend_day ON daily_spend (kind, day);

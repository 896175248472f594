-- +goose Up
CREATE TABLE response_events (
    response TEXT NOT NULL,
    number BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (response, number)
);

-- +goose Down
DROP TABLE response_events;

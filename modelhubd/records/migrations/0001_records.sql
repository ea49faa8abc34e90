-- One row for each request to the gateway that has ended; `seq` is the order in which they did. Times are milliseconds
-- since the epoch by the clock of that moment, which may jump: nothing is ordered by them. `reference` is what answered,
-- publisher/name@1:option, or the model alone, or empty. Buckets are logarithms of the figures, see `buckets.py`.
CREATE TABLE record (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    route TEXT NOT NULL,
    streamed INTEGER NOT NULL CHECK (streamed IN (0, 1)),
    app TEXT NOT NULL,
    app_version TEXT,
    node TEXT NOT NULL,
    model TEXT NOT NULL,
    reference TEXT NOT NULL,
    version INTEGER,
    option TEXT,
    library_id TEXT,
    option_digest TEXT,
    server_build TEXT,
    settings_digest TEXT,
    status INTEGER,
    prompt_tokens INTEGER,
    cached_tokens INTEGER,
    completion_tokens INTEGER,
    ttft_s REAL,
    tokens_per_s REAL,
    latency_s REAL NOT NULL,
    finish_reason TEXT,
    confidence REAL,
    outcome TEXT NOT NULL CHECK (outcome IN ('pass', 'fail', 'cancelled')),
    code TEXT,
    mark TEXT CHECK (mark IN ('good', 'bad')),
    mark_reason TEXT,
    marked_at INTEGER,
    ttft_bucket INTEGER,
    speed_bucket INTEGER,
    latency_bucket INTEGER
) STRICT;

CREATE INDEX record_at ON record (at);
CREATE INDEX record_model ON record (model);
CREATE INDEX record_app ON record (app) WHERE app <> '';
CREATE INDEX record_node ON record (node) WHERE node <> '';
CREATE INDEX record_outcome ON record (outcome) WHERE outcome <> 'pass';

-- What the rows of an hour come to, so that figures over a million rows are read from a few. Kept in the transaction
-- that changes the rows.
CREATE TABLE hour (
    hour INTEGER NOT NULL,
    reference TEXT NOT NULL,
    app TEXT NOT NULL,
    node TEXT NOT NULL,
    requests INTEGER NOT NULL,
    passed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    good INTEGER NOT NULL,
    bad INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    confidence_sum REAL NOT NULL,
    confidence_count INTEGER NOT NULL,
    PRIMARY KEY (hour, reference, app, node)
) STRICT, WITHOUT ROWID;

CREATE TABLE hour_bucket (
    hour INTEGER NOT NULL,
    reference TEXT NOT NULL,
    app TEXT NOT NULL,
    node TEXT NOT NULL,
    figure TEXT NOT NULL CHECK (figure IN ('ttft', 'speed', 'latency')),
    bucket INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    PRIMARY KEY (hour, reference, app, node, figure, bucket)
) STRICT, WITHOUT ROWID;

-- What audit rules have asked to be kept of requests and answers.
CREATE TABLE content (
    seq INTEGER PRIMARY KEY REFERENCES record (seq) ON DELETE CASCADE,
    keep TEXT NOT NULL CHECK (keep IN ('preview', 'whole')),
    request TEXT,
    answer TEXT,
    too_long INTEGER NOT NULL CHECK (too_long IN (0, 1)),
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX content_expires ON content (expires_at);

-- Requests that could not be recorded.
CREATE TABLE gap (
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;

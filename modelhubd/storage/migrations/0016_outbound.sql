-- Every host that the daemon has ever connected to, and what for.
CREATE TABLE outbound (
    host TEXT NOT NULL,
    purpose TEXT NOT NULL,
    connections INTEGER NOT NULL,
    first_at TEXT,
    last_at TEXT,
    PRIMARY KEY (host, purpose)
) STRICT, WITHOUT ROWID;

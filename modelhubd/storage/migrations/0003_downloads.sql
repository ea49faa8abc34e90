-- Tables of modelhubd.downloads.
CREATE TABLE download (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    model TEXT NOT NULL,
    version INTEGER NOT NULL,
    option TEXT NOT NULL,
    format TEXT NOT NULL,
    quantization TEXT,
    digest TEXT,
    state TEXT NOT NULL,
    ended INTEGER NOT NULL DEFAULT 0,
    priority INTEGER NOT NULL,
    rank REAL NOT NULL, -- order among equal priorities; of ended ones the order in which they ended
    attempts INTEGER NOT NULL DEFAULT 0, -- passing faults in a row without a byte of progress
    next_retry_at TEXT,
    waits_for TEXT, -- what a waiting one needs back: 'network' or 'storage'; NULL is time alone
    error_code TEXT,
    error_detail TEXT,
    staged INTEGER NOT NULL DEFAULT 0, -- 1: a staging folder may exist, 2: files under their final names too
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

-- One row per artifact that is not ended.
CREATE UNIQUE INDEX download_under_way ON download (model, version, option) WHERE ended = 0;
CREATE INDEX download_order ON download (ended, priority DESC, rank);
CREATE INDEX download_state ON download (state);

CREATE TABLE download_file (
    download INTEGER NOT NULL REFERENCES download (number) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    size_bytes INTEGER, -- as the catalog promises
    sha256 TEXT,
    urls TEXT NOT NULL, -- JSON list
    url_place INTEGER NOT NULL DEFAULT 0, -- which of them is in use
    etag TEXT, -- strong validator of what the partial file holds
    total_bytes INTEGER, -- as an origin answered
    changes INTEGER NOT NULL DEFAULT 0, -- how often the origin's content changed under us
    written_bytes INTEGER NOT NULL DEFAULT 0, -- in the page cache of `boot_id`
    synced_bytes INTEGER NOT NULL DEFAULT 0, -- on the disk
    boot_id TEXT,
    reached_bytes INTEGER NOT NULL DEFAULT 0, -- the furthest ever; what is shown
    found_sha256 TEXT, -- of the whole file; set once it is complete, right and synced
    PRIMARY KEY (download, place)
) STRICT, WITHOUT ROWID;

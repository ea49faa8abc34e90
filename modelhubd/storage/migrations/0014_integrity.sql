-- What is known of each installed file beside its row: which inode it was, and what its last reading found.
CREATE TABLE file_check (
    artifact_id TEXT NOT NULL REFERENCES artifact (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    inode INTEGER,
    ctime_ns INTEGER,
    links INTEGER,
    verified_at TEXT, -- when its bytes had the promised SHA-256 last
    seen_sha256 TEXT, -- of the first reading, where nobody promised one
    damaged TEXT CHECK (damaged IS NULL OR json_valid(damaged)), -- JSON [[start, end], …], NULL: no damage is known
    PRIMARY KEY (artifact_id, name)
) STRICT, WITHOUT ROWID;

-- Digests of the pieces of contents whose whole SHA-256 was right when they were made: they tell where a file is damaged.
CREATE TABLE content_pieces (
    sha256 TEXT PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    digests BLOB NOT NULL -- BLAKE2b-256 of each 16 MiB, one after the other
) STRICT, WITHOUT ROWID;

-- How far the scrub has come in the file that it reads.
CREATE TABLE scrub_position (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    artifact_id TEXT NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    next_piece INTEGER NOT NULL,
    damaged TEXT NOT NULL CHECK (json_valid(damaged))
) STRICT;

-- Entries of models that people named by their address: no catalog lists them, and a search does not find them.
CREATE TABLE direct_entry (
    model TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    entry BLOB NOT NULL,
    added_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Of a repair: which damaged file this one takes the place of.
ALTER TABLE download_file ADD COLUMN replaces TEXT;

-- Tables of modelhubd.packages: bundles, folders that provide models, first-run downloads.

-- Name of the bundle that an artifact was installed from.
ALTER TABLE artifact ADD COLUMN bundle TEXT;

-- Written before the folder of a bundle's model gets its final name, and gone when it is in the library: what an
-- end of the daemon in between left is made up for at the next start.
CREATE TABLE placing (
    folder TEXT PRIMARY KEY, -- the final one, relative to the models directory
    finished TEXT NOT NULL CHECK (json_valid(finished)),
    bundle TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Files of folders that provide models, as they were when they were read and had this digest.
CREATE TABLE package_file (
    path TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    verified_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What became of each first-run download; one that is listed here is never enqueued again.
CREATE TABLE first_run (
    model TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('enqueued', 'done', 'skipped')),
    download_id TEXT,
    decided_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

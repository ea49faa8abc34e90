-- Tables of modelhubd.library. Files are at <model>/<version>/<option>/<name> beneath the models directory.
CREATE TABLE artifact (
    id TEXT PRIMARY KEY,
    model TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    option TEXT NOT NULL,
    format TEXT NOT NULL,
    quantization TEXT,
    source TEXT NOT NULL CHECK (source IN ('download', 'scan', 'import')),
    state TEXT NOT NULL CHECK (state IN ('ok', 'missing', 'damaged', 'offline')),
    digest TEXT,
    verified_at TEXT,
    installed_at TEXT NOT NULL,
    -- Set before the first file is deleted; the deletion is finished at the next start if it was cut short.
    removing INTEGER NOT NULL DEFAULT 0 CHECK (removing IN (0, 1)),
    UNIQUE (model, version, option)
) STRICT;

CREATE TABLE artifact_file (
    artifact_id TEXT NOT NULL REFERENCES artifact (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    sha256 TEXT,
    -- When the file was last written, as of its installation; a later time unsettles verified_at.
    mtime_ns INTEGER,
    PRIMARY KEY (artifact_id, position),
    UNIQUE (artifact_id, name)
) STRICT, WITHOUT ROWID;

-- Which artifact the bare model id means, where somebody chose one.
CREATE TABLE active_artifact (
    model TEXT PRIMARY KEY,
    artifact_id TEXT NOT NULL REFERENCES artifact (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

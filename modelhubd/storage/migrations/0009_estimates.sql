-- What loads took, beside what was expected of them: they correct later estimates. `kind` names the build and
-- the settings that decide, bytes throughout; `program` is what the process held beyond its buffers.
CREATE TABLE measured_load (
    number INTEGER NOT NULL UNIQUE,
    library_id TEXT NOT NULL,
    family TEXT NOT NULL,
    kind TEXT NOT NULL,
    ctx INTEGER NOT NULL,
    expected_weights INTEGER NOT NULL,
    expected_kv INTEGER NOT NULL,
    expected_compute INTEGER NOT NULL,
    weights INTEGER NOT NULL,
    kv INTEGER NOT NULL,
    compute INTEGER NOT NULL,
    program INTEGER NOT NULL,
    PRIMARY KEY (library_id, kind, ctx)
) STRICT;

CREATE INDEX measured_load_alike ON measured_load (family, kind);

-- Shapes of models whose catalog entries state none, as JSON: read from the header of a file at its origin. `key` is the file's
-- SHA-256, or its address and size.
CREATE TABLE remote_header (
    key TEXT PRIMARY KEY,
    shape BLOB NOT NULL,
    read_at TEXT NOT NULL
) STRICT;

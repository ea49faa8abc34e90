-- What was taken from a registry. The one row of `registry_snapshot` is changed in the transaction that changes the
-- catalog's entries: they are of one revision, always. `head` is the signed document without its entries, `target`
-- the document as it was signed, the rest what vouches for it.
CREATE TABLE registry_snapshot (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    sha256 TEXT NOT NULL,
    head BLOB NOT NULL,
    target BLOB NOT NULL,
    signatures BLOB NOT NULL,
    root_version INTEGER NOT NULL,
    expires_at TEXT NOT NULL,
    synced_at TEXT NOT NULL,
    checked_at TEXT NOT NULL
) STRICT;

-- The last good checkpoint of the registry's audit log, and what a later one was found to contradict.
CREATE TABLE registry_witness (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    seen BLOB,
    alarm BLOB,
    alarm_at TEXT
) STRICT;

-- Counters by model id, as the registry told them last. Not signed.
CREATE TABLE registry_popularity (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    etag TEXT NOT NULL,
    counters BLOB NOT NULL
) STRICT;

-- Installs that the registry has not been told of yet.
CREATE TABLE registry_install (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    model TEXT NOT NULL,
    installed_at TEXT NOT NULL
) STRICT;

-- What can be had: entries as they were read, and the text index over them. Both are made again from their
-- sources whenever those change; nothing here is the only copy.
CREATE TABLE catalog_source (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    generation INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    faults BLOB NOT NULL
) STRICT;

CREATE TABLE catalog_entry (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL CHECK (source IN ('registry', 'floor', 'local')),
    entry BLOB NOT NULL
) STRICT;

-- rowid = catalog_entry.position. An underscore belongs to a word, so that q4_k_m is one.
CREATE VIRTUAL TABLE catalog_text USING fts5 (
    name, id, publisher, tags, options, description,
    content = '',
    tokenize = "unicode61 remove_diacritics 2 tokenchars '_'",
    prefix = '1 2 3'
);

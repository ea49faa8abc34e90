-- Files of artifacts that are not in the models directory, and artifacts that another source than the user answers for.
-- `managed` names that source (`bundle:<name>`, `package:<name>`): the user cannot delete such an artifact.
ALTER TABLE artifact ADD COLUMN managed TEXT;
-- The absolute path of a file elsewhere, and which file it was when it was checked; NULL: it is in its folder.
ALTER TABLE artifact_file ADD COLUMN outside TEXT;
ALTER TABLE artifact_file ADD COLUMN outside_device INTEGER;
ALTER TABLE artifact_file ADD COLUMN outside_inode INTEGER;

CREATE INDEX artifact_managed ON artifact (managed) WHERE managed IS NOT NULL;

-- Entries of models that no catalog knows, made from the metadata of what was imported.
CREATE TABLE imported_entry (
    model TEXT PRIMARY KEY,
    entry BLOB NOT NULL,
    added_at TEXT NOT NULL
) STRICT;

-- Imports under way. `placing` is set before the files get their final names: what an end of the daemon left is
-- undone by it at the next start, and the files that were imported are touched by that never.
CREATE TABLE importing (
    id TEXT PRIMARY KEY,
    folder TEXT NOT NULL, -- where the files go, relative to the models directory
    files TEXT NOT NULL CHECK (json_valid(files)), -- their names there
    placing INTEGER NOT NULL DEFAULT 0 CHECK (placing IN (0, 1))
) STRICT;

-- Files of the catalog's entries, by what recognises them. Made anew together with `catalog_entry`.
CREATE TABLE catalog_file (
    position INTEGER NOT NULL, -- catalog_entry.position
    size_bytes INTEGER,
    sha256 TEXT NOT NULL
) STRICT;

CREATE INDEX catalog_file_digest ON catalog_file (sha256);
CREATE INDEX catalog_file_size ON catalog_file (size_bytes);

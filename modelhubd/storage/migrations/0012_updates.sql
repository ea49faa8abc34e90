-- Updates that somebody asked for. A row says what shall happen when the new version is installed, and what is to
-- be put back if that is undone; `from_id` may name an artifact that was removed since.
CREATE TABLE model_update (
    model TEXT NOT NULL,
    to_version INTEGER NOT NULL,
    to_option TEXT NOT NULL,
    from_id TEXT NOT NULL,
    from_version INTEGER NOT NULL,
    from_option TEXT NOT NULL,
    state TEXT NOT NULL,
    download TEXT,
    switch_now INTEGER NOT NULL DEFAULT 0 CHECK (switch_now IN (0, 1)),
    was_active INTEGER NOT NULL DEFAULT 0 CHECK (was_active IN (0, 1)),
    settings_before TEXT,
    settings_after TEXT,
    error_code TEXT,
    error_detail TEXT,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (model, to_version, to_option)
) STRICT, WITHOUT ROWID;

-- Entries of installed versions as they were while the catalog served them: what a newer one changes is told by them.
CREATE TABLE kept_entry (
    model TEXT NOT NULL,
    version INTEGER NOT NULL,
    entry BLOB NOT NULL,
    PRIMARY KEY (model, version)
) STRICT;

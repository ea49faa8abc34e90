-- Tables of modelhubd.trials. No content of any request is in them: that is encrypted, in files of its own.

CREATE TABLE trial (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('running', 'paused', 'promoted')),
    active_id TEXT NOT NULL,
    active_model TEXT NOT NULL,
    active_version INTEGER NOT NULL,
    active_option TEXT NOT NULL,
    candidate_id TEXT NOT NULL,
    candidate_model TEXT NOT NULL,
    candidate_version INTEGER NOT NULL,
    candidate_option TEXT NOT NULL,
    sample REAL NOT NULL CHECK (sample > 0 AND sample <= 1),
    replay TEXT NOT NULL CHECK (replay IN ('idle', 'parallel')),
    keep INTEGER NOT NULL,
    max_pending INTEGER NOT NULL,
    checks TEXT NOT NULL, -- the user's, as they wrote them
    notes TEXT NOT NULL CHECK (json_valid(notes)),
    from_update INTEGER NOT NULL CHECK (from_update IN (0, 1)),
    reason_code TEXT,
    reason_detail TEXT,
    failures INTEGER NOT NULL DEFAULT 0, -- of the candidate, one after the other
    skipped INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    ended_at TEXT
) STRICT, WITHOUT ROWID;

-- Two trials on one model would leave open which of them its name is decided by.
CREATE UNIQUE INDEX trial_of_model ON trial (active_model) WHERE state != 'promoted';

CREATE TABLE trial_pair (
    trial_id TEXT NOT NULL REFERENCES trial (id) ON DELETE CASCADE,
    n INTEGER NOT NULL,
    entry TEXT NOT NULL, -- name of what it was made from in the spool: none is counted twice
    route TEXT NOT NULL,
    at TEXT NOT NULL,
    active TEXT NOT NULL CHECK (json_valid(active)), -- figures of one side
    candidate TEXT NOT NULL CHECK (json_valid(candidate)),
    failed INTEGER NOT NULL CHECK (failed IN (0, 1)),
    exact INTEGER CHECK (exact IN (0, 1)),
    normalised INTEGER CHECK (normalised IN (0, 1)),
    similarity REAL,
    tool_calls INTEGER CHECK (tool_calls IN (0, 1)),
    has_content INTEGER NOT NULL CHECK (has_content IN (0, 1)),
    shown_first TEXT CHECK (shown_first IN ('active', 'candidate')), -- once it was shown for a blind mark
    mark TEXT CHECK (mark IN ('active', 'candidate', 'tie', 'both_bad')),
    marked_at TEXT,
    PRIMARY KEY (trial_id, n),
    UNIQUE (trial_id, entry)
) STRICT, WITHOUT ROWID;

-- Whether the update is tried beside the old version first, and takes its place when somebody says so.
ALTER TABLE model_update ADD COLUMN trial INTEGER NOT NULL DEFAULT 0 CHECK (trial IN (0, 1));

-- Outlives its trial.
CREATE TABLE trial_decision (
    number INTEGER PRIMARY KEY,
    trial_id TEXT NOT NULL,
    decision TEXT NOT NULL CHECK (json_valid(decision))
) STRICT;

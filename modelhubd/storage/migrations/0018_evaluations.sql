-- Tables of modelhubd.trials.evaluations. Questions and answers are not in them: they are in files of their own.

CREATE TABLE evaluation (
    id TEXT PRIMARY KEY,
    name TEXT,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
    questions INTEGER NOT NULL,
    checks TEXT NOT NULL CHECK (json_valid(checks)), -- their names
    seed INTEGER NOT NULL,
    sampling TEXT NOT NULL CHECK (json_valid(sampling)),
    load TEXT NOT NULL CHECK (json_valid(load)),
    evict INTEGER NOT NULL CHECK (evict IN (0, 1)),
    set_digest TEXT NOT NULL,
    checks_digest TEXT,
    error TEXT CHECK (error IS NULL OR json_valid(error)),
    created_at TEXT NOT NULL,
    started_at TEXT,
    ended_at TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE evaluation_model (
    evaluation TEXT NOT NULL REFERENCES evaluation (id) ON DELETE CASCADE,
    place INTEGER NOT NULL, -- 0 is what the others are compared with
    asked TEXT NOT NULL,
    library_id TEXT NOT NULL,
    model TEXT NOT NULL,
    version INTEGER NOT NULL,
    option TEXT NOT NULL,
    digest TEXT,
    settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
    PRIMARY KEY (evaluation, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE evaluation_answer (
    evaluation TEXT NOT NULL REFERENCES evaluation (id) ON DELETE CASCADE,
    model INTEGER NOT NULL,
    question INTEGER NOT NULL,
    build TEXT,
    error TEXT, -- a code, where there is no answer
    content_at INTEGER NOT NULL,
    content_size INTEGER NOT NULL,
    content_digest TEXT NOT NULL,
    checks TEXT NOT NULL CHECK (json_valid(checks)),
    latency_s REAL NOT NULL,
    first_token_s REAL,
    tokens_per_s REAL,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    confidence REAL,
    finish_reason TEXT,
    similarity REAL, -- to the first model's answer
    answered_at TEXT NOT NULL,
    PRIMARY KEY (evaluation, model, question)
) STRICT, WITHOUT ROWID;

-- Limits of single downloads, and indexes for a queue of thousands. The limits of all are rows of `setting`.
ALTER TABLE download ADD COLUMN max_bytes_per_s INTEGER;

CREATE INDEX download_turn ON download (priority DESC, rank) WHERE state IN ('queued', 'waiting');
CREATE INDEX download_line ON download (priority DESC, rank) WHERE state IN ('queued', 'waiting', 'paused');
CREATE INDEX download_awaited ON download (waits_for, next_retry_at) WHERE state = 'waiting';
CREATE INDEX download_history ON download (rank DESC) WHERE ended = 1;

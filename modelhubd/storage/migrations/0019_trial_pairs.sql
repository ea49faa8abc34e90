-- A trial is over with its sampling once it has so many pairs.
ALTER TABLE trial ADD COLUMN max_pairs INTEGER NOT NULL DEFAULT 1000;

-- Which bytes of a partial file there are, where they are not one beginning.
ALTER TABLE download_file ADD COLUMN written_map TEXT; -- JSON [[start, end], …]; NULL: the first `written_bytes`
ALTER TABLE download_file ADD COLUMN synced_map TEXT; -- the same of `synced_bytes`

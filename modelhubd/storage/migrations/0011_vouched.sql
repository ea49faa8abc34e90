-- What the registry served when a version was downloaded, so that it can still be judged when a newer one is
-- served: the digest of its content, its publisher's DSSE envelopes, and the digest of each option, as JSON.
CREATE TABLE vouched_version (
    model TEXT NOT NULL,
    version INTEGER NOT NULL,
    content_sha256 TEXT NOT NULL,
    envelopes TEXT NOT NULL CHECK (json_valid(envelopes)),
    digests TEXT NOT NULL CHECK (json_valid(digests)),
    PRIMARY KEY (model, version)
) STRICT, WITHOUT ROWID;

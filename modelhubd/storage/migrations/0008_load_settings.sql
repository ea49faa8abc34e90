-- Load settings that people have saved, as JSON, by what they know a model by: they outlive its files, so that a
-- download after a removal and a newer version of the same option have them.
CREATE TABLE load_settings (
    model TEXT NOT NULL,
    option TEXT NOT NULL,
    settings TEXT NOT NULL CHECK (json_valid(settings)),
    PRIMARY KEY (model, option)
) STRICT, WITHOUT ROWID;

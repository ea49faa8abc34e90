-- What recognises a llama-server that outlived its daemon, written before and after each start: pid and
-- start time on this boot, its socket, and the instance that its environment names. No row, no process.
CREATE TABLE server (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    instance TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    socket TEXT,
    pid INTEGER,
    process_started REAL
) STRICT;

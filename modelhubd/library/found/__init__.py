"""Models that other tools hold, by the layouts of their folders: looked at, never changed."""

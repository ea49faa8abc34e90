"""Downloads beside what other programs take for the same file, from start to verified, in one run."""

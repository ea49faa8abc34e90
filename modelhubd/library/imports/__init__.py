"""Models from outside: a file, a folder, or what another tool holds, recognised by their digests."""

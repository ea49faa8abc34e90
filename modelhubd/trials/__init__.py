"""A candidate beside the active model: sampled requests, replayed and compared."""

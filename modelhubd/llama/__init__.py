"""Running models: llama-server processes, found, started, watched and stopped."""

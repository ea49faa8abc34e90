"""What `modelhub-registry` does, one file per command."""

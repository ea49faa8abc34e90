"""The modelhub command line."""

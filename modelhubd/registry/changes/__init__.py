"""Telling those who look that something has changed."""

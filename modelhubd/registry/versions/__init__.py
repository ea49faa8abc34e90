"""Versions of models: published, reviewed, served, withdrawn."""

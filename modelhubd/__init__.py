"""The daemon that finds, gets, checks and runs AI models for every application on a machine."""

__version__ = "0.1.0"

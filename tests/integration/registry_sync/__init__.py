"""The daemon beside a registry."""

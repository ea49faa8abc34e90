"""The embedded catalog."""

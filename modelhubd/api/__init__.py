"""Every route of the daemon and its handlers."""

"""What this machine may use, as its administrator, its configuration and its user say."""

"""What the daemon counts, in Prometheus's text form."""

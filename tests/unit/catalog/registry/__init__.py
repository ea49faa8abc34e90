"""What is decided about a registry's catalog."""

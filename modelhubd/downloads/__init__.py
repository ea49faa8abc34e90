"""Getting it."""

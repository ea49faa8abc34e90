"""Records in real databases."""

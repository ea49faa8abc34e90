"""Records, decided without a database."""

"""Which models an administrator vouches for."""

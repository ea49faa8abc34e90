"""Who may call, and whose names models bear: principals, tokens, publishers, keys."""

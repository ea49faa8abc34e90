"""What may be believed: safe names and URLs, digests, clean text. Pure functions of their arguments."""

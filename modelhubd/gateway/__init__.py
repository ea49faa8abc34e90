"""The OpenAI-compatible pass-through to running servers."""

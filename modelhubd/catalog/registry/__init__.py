"""The catalog of the organisation's registry: fetched, verified, kept, and what goes back to it."""

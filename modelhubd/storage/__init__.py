"""Durable state: the database, and files beneath a root that nothing can leave."""

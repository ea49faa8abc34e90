"""Models answering a file of questions, and the report of it."""

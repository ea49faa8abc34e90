"""A report for people: as Markdown, and as a page of its own. Pure."""

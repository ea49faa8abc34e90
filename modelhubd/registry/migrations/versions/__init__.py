"""One file a form, in the order of their numbers; what was released once is never edited."""

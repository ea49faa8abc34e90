"""What is signed and served: the catalog document, TUF metadata around it, and the keys."""

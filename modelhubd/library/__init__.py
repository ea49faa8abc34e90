"""What is installed: the rows, the models directory they describe, and the names they are asked for by."""

"""What is newer than what is installed: shown, fetched beside it, put in its place, and taken back."""

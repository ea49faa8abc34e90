"""The whole registry as a file: to move it between databases, and to get it back."""

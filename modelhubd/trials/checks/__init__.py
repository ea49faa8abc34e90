"""Checks that a user writes for answers: what they are, how they decide, and where they run."""

"""Repeated requests: the same key gives the same answer, and one change."""

"""Measurements, printed side by side. Nothing here asserts a time: machines differ and are shared."""

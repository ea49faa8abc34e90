"""Handlers: decode, ask, reply. One file per noun."""

"""How wide the terminal is, as `shutil` says it, which brings every kind of archive along."""

import os
import sys

WIDTH = 80
"""Of what is no terminal."""


def columns() -> int:
    """What `$COLUMNS` says, else what the terminal on stdout is, else 80."""
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or WIDTH
    except (OSError, ValueError):
        return WIDTH

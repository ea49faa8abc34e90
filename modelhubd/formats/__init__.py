"""Headers of model files: bounded bytes in, facts out. Nothing here trusts a number it reads."""

MAX_HEADER_BYTES = 64 * 1024 * 1024
"""A header that is longer is refused."""


class NeedMoreBytes(Exception):
    """The bytes given end inside the header; at least `wanted` from the start of the file are needed."""

    def __init__(self, wanted: int) -> None:
        super().__init__(f"{wanted} bytes of the file are needed")
        self.wanted = wanted

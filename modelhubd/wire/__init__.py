"""What crosses a process boundary: msgspec structs shared by the daemon, its clients and the registry.

A `Message` is sent by us and read by others, who skip fields they do not know. A `Request` is sent to us:
an unknown field in it is an error. msgspec does not inherit `kw_only`, so every struct names it again.
"""

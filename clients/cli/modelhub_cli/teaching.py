"""Examples at the end of a command's help."""


def examples(*lines: str) -> str:
    """The epilog that shows these command lines; two spaces or more begin a remark."""
    return "\b\nExamples:\n" + "".join(f"  {line}\n" for line in lines)

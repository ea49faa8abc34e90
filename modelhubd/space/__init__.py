"""What everything costs on the disk: shown, given back, and moved to another one."""

"""`make demo`: the main job, end to end, through the command line."""

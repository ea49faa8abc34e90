"""Workflow templates and whether the models that they use are verified."""

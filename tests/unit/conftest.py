"""Settings of the property tests: a busy machine must not fail one by being slow."""

from hypothesis import settings

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

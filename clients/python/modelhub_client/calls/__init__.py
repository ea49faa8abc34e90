"""Every route as a function that builds its `Call`, by noun; the parameters are those of the clients."""

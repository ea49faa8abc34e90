"""What a model needs and whether it runs here: pure functions of facts and a device."""

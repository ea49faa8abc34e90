"""`modelhub-registry`: the models that an organisation's machines may use. A program of its own."""

"""PURE: catalog entries as publishers, registries and users write them: read, held to rules, canonical."""

"""The first start: the catalog that this program carries becomes what the registry serves."""

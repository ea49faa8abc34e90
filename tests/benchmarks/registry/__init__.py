"""The registry under load: writes, machines that refresh, and large catalogs."""

"""Models that come in folders: bundles that are made, verified and installed, those that applications and
administrators ship, and what is downloaded at the first run."""

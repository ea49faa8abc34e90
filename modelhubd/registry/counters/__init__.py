"""Downloads and stars: counted, never signed, and out of reach of what is published."""

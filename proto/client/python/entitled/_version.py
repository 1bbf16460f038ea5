"""Apart, so that it is read without what the rest imports."""
VERSION = "1.0.0"

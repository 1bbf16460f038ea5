"""The version of the whole suite. Apart, so that it is read without what the rest imports."""
VERSION = "1.0.0"

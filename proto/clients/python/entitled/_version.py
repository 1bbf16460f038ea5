"""The version of the whole suite. In a file of its own, so that reading it imports nothing else."""
VERSION = "1.0.0"

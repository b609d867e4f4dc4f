"""Mutation testing: cosmic-ray makes small changes to the firmware, of which the unit tests must notice each."""

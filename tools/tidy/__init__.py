"""`python -m tools.tidy`: checks that keep architecture, sizes, memory rules and texts of the project as they are meant.

A rule is a function that takes a Source (one file) and yields Findings; what it allows stands in tables.py.
"""

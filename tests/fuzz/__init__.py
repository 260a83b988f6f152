"""Fuzzing of what reads other people's bytes and texts: `python -m tests.fuzz SECONDS`, and briefly in the suite."""

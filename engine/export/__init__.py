"""Runs in the formats of other programs: written, and read back to prove that nothing is lost."""

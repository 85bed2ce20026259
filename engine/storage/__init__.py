"""Saved runs on disk: written atomically, locked by their writer, checked when they are read."""

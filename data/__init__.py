"""Training texts, by name or by path. Imports neither torch nor the user interface."""

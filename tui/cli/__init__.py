"""The command line: the app, and training, sampling and managing runs without it."""

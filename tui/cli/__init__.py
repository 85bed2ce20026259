"""The commands: the app, and training, sampling and listing without it."""

"""The terminal interface. Never imports torch: the engine thread does, after the first paint."""

__version__ = "0.1.0"

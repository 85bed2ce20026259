"""The terminal interface. Never imports torch: the engine thread does, after the first paint."""

"""The screen. Imports no torch: the engine thread does, after the first paint."""

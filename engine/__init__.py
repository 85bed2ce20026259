"""The engine: learns and writes. Knows no screen."""

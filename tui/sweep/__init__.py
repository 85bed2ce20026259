"""Experiments in bulk: many settings, several seeds each, from one file."""

"""Generating text: from logits to a stream of characters."""

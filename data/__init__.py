"""Text in: corpora by name or by path. Knows no tensor and no screen."""

"""What looks inside a model: on the model alone, without a thread, files or a screen."""

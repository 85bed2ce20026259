"""Training: batches, loss and gradients, optimizers, schedule, evaluation."""

"""Losses, the training loop, metrics, evaluation and checkpoints."""

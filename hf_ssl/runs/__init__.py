"""Runs from rows to card: pretraining, fine-tuning, their results, and loading them again."""

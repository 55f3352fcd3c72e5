"""What is hidden and what must be predicted: one task, one file."""

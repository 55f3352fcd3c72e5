"""One training loop for all pretext tasks."""

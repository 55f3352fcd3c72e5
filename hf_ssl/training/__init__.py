"""One loop for all pretext tasks."""

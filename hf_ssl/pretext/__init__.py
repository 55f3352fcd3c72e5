"""Pretext tasks: what is hidden and what is predicted, one file per task."""

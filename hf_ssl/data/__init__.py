"""Rows in: where samples come from, and in which exact, resumable order."""

"""Data input: where samples come from, and their exact, resumable order."""

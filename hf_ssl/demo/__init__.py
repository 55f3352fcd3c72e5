"""What the Space shows: words and patches filled in, rows grouped and mapped. Plain functions, no page."""

"""What the Space shows: words filled in, patches put back, rows grouped and mapped. Plain functions, no page."""

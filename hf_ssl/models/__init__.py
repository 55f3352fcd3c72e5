"""Stock models by size, and what is trained around them."""

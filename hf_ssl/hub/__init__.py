"""Out to the world: cards, and publishing them with their models."""

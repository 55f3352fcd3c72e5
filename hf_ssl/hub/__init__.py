"""Out to the world: cards."""

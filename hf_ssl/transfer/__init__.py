"""Labels come in: few or many, on frozen features or through the whole network."""

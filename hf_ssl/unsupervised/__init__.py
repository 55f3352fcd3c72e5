"""Structure without any target: clusters, their number, maps, densities, names. scikit-learn computes."""

"""Unsupervised methods on top of scikit-learn: clusters and their number, maps, densities and cluster names."""

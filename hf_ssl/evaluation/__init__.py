"""Evaluation of features."""

"""Kinds of data: how rows become inputs, batches, views and features, and how they are shown, independent of any task."""

"""Weights at rest: files of tensors as read-only maps, and what their formats mean."""

"""Pixels and sound to latents and back; latents to larger ones."""

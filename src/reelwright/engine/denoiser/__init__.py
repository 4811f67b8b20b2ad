"""The transformer: from noisy tokens, text and noise levels to velocities."""

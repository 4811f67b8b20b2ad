"""From words to the contexts that the denoiser reads."""

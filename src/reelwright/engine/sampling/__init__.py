"""From noise to latents: levels, samplers, guidance, and what is kept or followed."""

"""From weights at rest to modules that run: built on the meta device, resident or streamed."""

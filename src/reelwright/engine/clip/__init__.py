"""One pipeline for every clip: what it should be, laid out, made, saved, decoded."""

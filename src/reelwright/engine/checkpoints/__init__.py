"""One index over whatever a person has: which tensors, which config, which model."""

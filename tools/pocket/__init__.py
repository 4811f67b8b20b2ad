"""The pocket weights: their data, their training, their measures."""

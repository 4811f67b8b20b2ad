"""What is measured of the shipped pocket weights, each kind of measure in a file of its own."""

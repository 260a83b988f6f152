"""What the outputs that write files have in common: their options, and the writing itself."""

"""Past cutoffs as training examples: what was known beside what then happened."""

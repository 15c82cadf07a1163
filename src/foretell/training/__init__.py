"""Recipes, training, the judging of recipes on the past, and the gate to promotion."""

"""Figures from frames: each function draws on one axes and returns it."""

"""Training runs written down in MLflow; the only room that imports it."""

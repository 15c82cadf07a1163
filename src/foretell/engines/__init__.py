"""Where `score_bucket` runs, and the trained model that a notebook holds."""

"""Settings of a shop: where each value comes from, every problem at once; nothing below the jobs reads it."""

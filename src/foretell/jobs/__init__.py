"""One use case each, in plain values: the rooms called in order, and a result that says what happened."""

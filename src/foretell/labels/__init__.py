"""What happened after a cutoff: the only room that reads the label window."""

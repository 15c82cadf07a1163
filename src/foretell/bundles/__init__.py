"""Fitted models as files: saved whole, verified before use, registered by role. Loading executes nothing."""

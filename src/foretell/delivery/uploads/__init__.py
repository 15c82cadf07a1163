"""Upload files: exactly what an advertising or mailing platform takes, of people who agreed, and nothing else."""

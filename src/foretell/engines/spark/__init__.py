"""Scoring inside the partitions of a Spark cluster; nothing else imports pyspark."""

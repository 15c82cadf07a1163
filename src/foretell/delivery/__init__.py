"""Scored customers handed over: a dated folder of files, segments and a report, published whole or not at all."""

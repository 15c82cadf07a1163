"""What order lines, events, profiles, calendar and campaigns say of a customer at a cutoff, one module a family.

A family reads rows before the cutoff, and rows of its customer only; what it needs of the whole shop (names of
categories, price bands, pairs of categories) is in the fitted `features.statistics.Statistics`.
"""

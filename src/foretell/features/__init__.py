"""What is known of each customer at a cutoff, from rows before it only.

``purchase_summary`` feeds the purchase models, ``compute`` feeds what learns from many columns, and
``catalogue`` says what each column means. Nothing in this room reads at or after the cutoff.
"""

"""The report: one HTML page that a marketer opens, without a network and without a customer's name in it."""

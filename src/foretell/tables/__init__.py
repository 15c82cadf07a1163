"""Tables of a shop as foretell knows them: schemas, reading, checks, the data set, purchase days, demo data."""

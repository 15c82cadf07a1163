"""Bundle and tables to scores, ranks and reasons; reads only what lies before the cutoff."""

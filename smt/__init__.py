"""SMT: run a fleet of ranking and retrieval models from a handful of templates."""

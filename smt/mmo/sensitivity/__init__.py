"""Which hyperparameters the models should choose themselves (Eq. 7)."""

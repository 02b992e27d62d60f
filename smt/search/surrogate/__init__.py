"""A distribution over every model's delta at every θ, and where it says to try next."""

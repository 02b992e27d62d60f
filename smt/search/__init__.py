"""The search: trials in, the next θ out. It imports no Ray."""

"""The ways to choose the next θ, a file each; see `smt.search.methods.catalogue`."""

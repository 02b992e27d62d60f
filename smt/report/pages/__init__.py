"""Pages, one a kind of run, and their sections."""

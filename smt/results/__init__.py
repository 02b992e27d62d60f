"""What a run leaves behind: one spec a kind of run, written once and read once."""

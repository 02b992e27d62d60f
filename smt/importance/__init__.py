"""Feature importance of a fleet's models, measured on workers."""

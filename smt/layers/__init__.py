"""Modules that know nothing of templates."""

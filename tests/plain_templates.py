"""Versions of the templates that learn the model's events alone, from tables in fp32."""

from smt.template import catalogue, load_version

# Before those that auxiliary events and int8 tables are part of.
NUMBERS = {"sparsenn_small": 3}
PLAIN = {name: load_version(name, NUMBERS.get(name, 2)) for name in catalogue}

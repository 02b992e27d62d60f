"""Techniques that change how networks serve."""

from smt.space import Choice
from smt.template.technique import technique
from smt.template.template import Template


@technique(
    part="serving",
    precision=(
        Choice(["int8", "fp16"]),
        "of the tables' rows; int8 keeps a scale and an offset a row",
    ),
    source="Guan et al., Post-Training 4-bit Quantization on Embedding Tables (arXiv:1911.02079)",
)
def int8_tables(template: Template, *, precision: str) -> Template:
    """Embedding tables are quantised after training: a half or a quarter of the bytes."""
    return template.change("serving", table_precision=precision)

"""Techniques that change how networks serve."""

from smt.space import Choice
from smt.template.technique import Technique
from smt.template.template import Template


def _int8_tables(template: Template, *, precision: str) -> Template:
    return template.change("serving", table_precision=precision)


int8_tables = Technique(
    name="int8_tables",
    part="serving",
    summary="Embedding tables are quantised after training: a half or a quarter of the bytes.",
    space={"precision": Choice(["int8", "fp16"])},
    meanings={"precision": "of the tables' rows; int8 keeps a scale and an offset a row"},
    change=_int8_tables,
    source="Guan et al., Post-Training 4-bit Quantization on Embedding Tables (arXiv:1911.02079)",
)

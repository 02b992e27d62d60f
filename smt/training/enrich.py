"""The join of a template's side tables to a model's log."""

from smt.data import Log
from smt.data.enrichment import enrich
from smt.fleet import ModelSpec
from smt.template import Template
from smt.template.enrich import enrich_model, side_tables


def enrich_log(template: Template, model: ModelSpec, log: Log) -> tuple[ModelSpec, Log]:
    """The model with the features of its side tables, and the log with their columns.

    Raises:
        InputError: A side table is missing, or does not fit the log.
    """
    enriched, _ = enrich_model(template, model, log.schema)
    for table in side_tables(template, model):
        log = enrich(log, table.table, key=table.key, columns=table.columns)
    return enriched, log

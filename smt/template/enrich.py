"""The features that a template's side tables add to a model."""

from smt.data import Schema
from smt.fleet import ModelSpec
from smt.template.data import Enrichment
from smt.template.template import Template


def side_tables(template: Template, model: ModelSpec) -> list[Enrichment]:
    """The template's side tables of which the model reads the key."""
    return [table for table in template.data.enrichments if table.key in model.features]


def enrich_model(template: Template, model: ModelSpec, schema: Schema) -> tuple[ModelSpec, Schema]:
    """The model with the features of its side tables, and the schema with their columns.

    What the schema has already is left as it is.
    """
    for table in side_tables(template, model):
        schema = Schema(columns={**table.columns, **schema.columns})
        features = dict.fromkeys((*model.features, *table.columns))
        model = model.model_copy(update={"features": tuple(features)})
    return model, schema

"""The model card: what a model reads under a template, and what its network costs."""

from collections.abc import Sequence
from typing import get_args

import torch

from smt.data import Schema, describe
from smt.fleet import ModelSpec, ServingLimits, log_name
from smt.layers.representation import Representation
from smt.spec import Spec
from smt.template.build_network import build
from smt.template.enrich import enrich_model
from smt.template.features import FeatureType
from smt.template.flops import count_flops
from smt.template.inputs import Inputs, feature_type, resolve_inputs
from smt.template.served_bytes import count_bytes, tables_of
from smt.template.show import words
from smt.template.template import Template


class FeatureUse(Spec):
    """A model's features of one type: those that its network reads, and those left out."""

    read: tuple[str, ...]
    left_out: tuple[str, ...]


class ModelCard(Spec):
    """A model under a template.

    Attributes:
        version: Of the template; None where it is no version.
        remark: A fault that the template has; None where none is known.
        template_digest: Of the template's content.
        rows: The filter, in words.
        limits: The model's and the template's, whichever is tighter.
        features: type -> features; types that the model has none of are left out.
        made: Crosses and buckets that the template adds to the model's features.
        past_rates: Ids whose past event rates are read.
        targets: Numeric features that are auxiliary labels instead of inputs.
        tokens: tower -> tokens; a network with one tower calls it `tower`.
        flops: Of one example.
        dense_parameters: All but tables.
        table_rows: Of all tables together.
        dense_bytes: Parameters and buffers, all but tables.
        table_bytes: At the serving precision.
    """

    name: str
    template: str
    version: int | None
    remark: str | None
    template_digest: str
    events: tuple[str, ...]
    auxiliary_events: tuple[str, ...]
    log: str
    rows: str
    stage: str
    surface: str
    data_constraint: str
    inference_hardware: str
    limits: ServingLimits
    hyperparameters: dict[str, bool | int | float | str]
    features: dict[FeatureType, FeatureUse]
    made: tuple[str, ...]
    past_rates: tuple[str, ...]
    targets: tuple[str, ...]
    tokens: dict[str, int]
    flops: int
    dense_parameters: int
    table_rows: int
    table_parameters: int
    dense_bytes: int
    table_bytes: int
    table_precision: str

    @property
    def bytes(self) -> int:
        """Of tables and everything else together."""
        return self.dense_bytes + self.table_bytes

    @property
    def excess(self) -> tuple[str, ...]:
        """The limits of FLOPs and bytes that the network breaks, as clauses."""
        return tuple(map(str, self.limits.exceeded(flops=self.flops, bytes=self.bytes)))

    def to_markdown(self) -> str:
        """The card as Markdown."""
        version = "" if self.version is None else f", version {self.version}"
        inputs = {
            "events": self.events,
            "auxiliary events": self.auxiliary_events,
            "auxiliary numeric labels": self.targets,
            "log": self.log,
            "rows": self.rows,
            "stage": self.stage,
            "surface": self.surface,
            "data constraint": self.data_constraint,
            "hyperparameters": self.hyperparameters,
            "features made by the template": self.made,
            "past rates of": self.past_rates,
        }
        network = {
            "tokens": self.tokens,
            "FLOPs an example": self.flops,
            "dense parameters": self.dense_parameters,
            "table rows": self.table_rows,
            "table parameters": self.table_parameters,
            "dense bytes": self.dense_bytes,
            f"table bytes ({self.table_precision})": self.table_bytes,
            "limits": {key: limit for key, limit in self.limits if limit is not None},
            "inference hardware": self.inference_hardware,
        }
        features = [
            (kind, len(use.read), _text(use.read), _text(use.left_out))
            for kind, use in self.features.items()
        ]
        sections = [
            f"# {self.name}",
            f"Template {self.template}{version} (content {self.template_digest})",
            *([f"Remark: {self.remark}"] if self.remark is not None else []),
            "## Inputs",
            _table(("input", "value"), [(key, _text(value)) for key, value in inputs.items()]),
            "## Features",
            _table(("type", "read", "names", "left out"), features),
            "## Network",
            _table(("network", "value"), [(key, _text(value)) for key, value in network.items()]),
        ]
        return "\n\n".join(sections) + "\n"


def model_card(
    template: Template, model: ModelSpec, schema: Schema, *, version: int | None = None
) -> ModelCard:
    """Build the network without memory for it, and count.

    Raises:
        InputError: The template's network cannot be built for the model.
    """
    digest = template.digest()
    template = template.for_model(model)
    wide, wide_schema = enrich_model(template, model, schema)
    inputs = resolve_inputs(template, wide, wide_schema)
    network = build(template, model, schema, torch.device("meta"))
    tables = tables_of(network)
    table_parameters = sum(table.numel() for table in tables)
    precision = template.serving.table_precision
    served = count_bytes(network, precision)
    return ModelCard(
        name=model.name,
        template=template.name,
        version=version,
        remark=template.features.remark,
        template_digest=digest,
        events=model.events,
        auxiliary_events=network.auxiliary,
        log=log_name(model.log),
        rows=describe(model.filter),
        stage=model.stage,
        surface=model.surface,
        data_constraint=model.data_constraint,
        inference_hardware=model.inference_hardware,
        limits=model.limits.tighter(template.serving.limits),
        hyperparameters=model.hyperparameters,
        features=_features(inputs, wide, wide_schema),
        made=tuple(name for name in inputs.names if name not in wide_schema.columns),
        past_rates=inputs.past_rates,
        targets=inputs.targets,
        tokens={
            name.rsplit(".", 1)[0]: module.num_tokens
            for name, module in network.named_modules()
            if isinstance(module, Representation)
        },
        flops=count_flops(template, model, schema),
        dense_parameters=sum(tensor.numel() for tensor in network.parameters()) - table_parameters,
        table_rows=sum(len(table) for table in tables),
        table_parameters=table_parameters,
        dense_bytes=served.dense,
        table_bytes=served.tables,
        table_precision=precision,
    )


def _features(inputs: Inputs, model: ModelSpec, schema: Schema) -> dict[FeatureType, FeatureUse]:
    types = {name: feature_type(schema, name) for name in model.features}
    elsewhere = {*inputs.names, *inputs.targets}
    return {
        kind: FeatureUse(
            read=tuple(n for n in model.features if types[n] == kind and n in inputs.names),
            left_out=tuple(n for n in model.features if types[n] == kind and n not in elsewhere),
        )
        for kind in get_args(FeatureType)
        if kind in types.values()
    }


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return words(value)


def _table(header: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", r"\|") for cell in line) + " |" for line in lines
    )

"""All techniques, by name."""

import importlib.util
from pathlib import Path

from smt.errors import InputError
from smt.spec import suggest
from smt.techniques import architecture, data, features, interactions, sequences, serving, training
from smt.template.technique import Technique

catalogue: dict[str, Technique] = {
    # Architecture: how tokens meet.
    **interactions.by_name,
    # Architecture: widths, and how events share what the tokens told.
    "layer_norm_residual_mlp": architecture.layer_norm_residual_mlp,
    "wider_embeddings": architecture.wider_embeddings,
    "wider_towers": architecture.wider_towers,
    "mmoe": architecture.mmoe,
    "ple": architecture.ple,
    "entire_space": architecture.entire_space,
    # Features: which, and how numbers, ids and lists become tokens.
    "top_features": features.top_features,
    "piecewise_linear_numerics": features.piecewise_linear_numerics,
    "bucketed_numerics": features.bucketed_numerics,
    "crossed_ids": features.crossed_ids,
    "multi_hash": features.multi_hash,
    "shared_tables": features.shared_tables,
    "frequency_gated_ids": features.frequency_gated_ids,
    "position_weighted_pooling": features.position_weighted_pooling,
    "attention_pooling": features.attention_pooling,
    # Features: how sequences are read.
    "target_attention": sequences.target_attention,
    "self_attention_sequences": sequences.self_attention_sequences,
    "hstu": sequences.hstu,
    "event_steps": sequences.event_steps,
    # Data: labels, weights and rows.
    "label_smoothing": data.label_smoothing,
    "conversion_window": data.conversion_window,
    "auxiliary_events": data.auxiliary_events,
    "auxiliary_numerics": data.auxiliary_numerics,
    "past_rates": data.past_rates,
    "distillation": data.distillation,
    "negative_downsampling": data.negative_downsampling,
    "recency_weights": data.recency_weights,
    "surface_balance": data.surface_balance,
    # Training.
    "lr_warmup_cosine": training.lr_warmup_cosine,
    "ema_weights": training.ema_weights,
    "muon": training.muon,
    "adamw": training.adamw,
    "dense_learning_rate": training.dense_learning_rate,
    "table_learning_rate": training.table_learning_rate,
    "gradient_clipping": training.gradient_clipping,
    "smaller_batches": training.smaller_batches,
    "bf16": training.bf16,
    # Serving.
    "int8_tables": serving.int8_tables,
}


def find_technique(name: str) -> Technique:
    """The technique of this name, or that `FILE.py:NAME` defines. Raises `InputError` for none."""
    if ".py:" in name:
        return _from_file(*name.rsplit(":", 1))
    if name not in catalogue:
        raise InputError(f"unknown technique '{name}'; {suggest(name, list(catalogue))}")
    return catalogue[name]


def _from_file(file: str, name: str) -> Technique:
    if not Path(file).is_file():
        raise InputError(f"technique '{name}': {file}: no such file")
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    technique = getattr(module, name, None)
    if not isinstance(technique, Technique):
        known = [key for key, value in vars(module).items() if isinstance(value, Technique)]
        raise InputError(f"{file} defines no technique '{name}'; {suggest(name, known)}")
    return technique

"""The techniques, by name."""

import importlib.util
from pathlib import Path

from smt.errors import InputError
from smt.spec import suggest
from smt.techniques.architecture import dcn_v2, layer_norm_residual_mlp
from smt.techniques.features import frequency_gated_ids, position_weighted_pooling
from smt.techniques.training import label_smoothing, lr_warmup_cosine
from smt.template.technique import Technique

catalogue: dict[str, Technique] = {
    technique.name: technique
    for technique in (
        dcn_v2,
        layer_norm_residual_mlp,
        position_weighted_pooling,
        frequency_gated_ids,
        lr_warmup_cosine,
        label_smoothing,
    )
}


def find_technique(name: str) -> Technique:
    """The technique of this name, or the one that `FILE.py:NAME` defines.

    Raises:
        InputError: There is none.
    """
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
    found = getattr(module, name, None)
    if not isinstance(found, Technique):
        known = [key for key, value in vars(module).items() if isinstance(value, Technique)]
        raise InputError(f"{file} defines no technique '{name}'; {suggest(name, known)}")
    return found

"""What must hold before techniques are searched over models; else nothing is written."""

from collections.abc import Iterable, Mapping, Sequence

from smt.errors import InputError
from smt.fleet import ModelSpec
from smt.template import Technique, Template


def check_techniques(techniques: Sequence[Technique], templates: Iterable[Template]) -> None:
    """Raise `InputError` where there are none, one comes twice, or fits none of the templates."""
    if not techniques:
        raise InputError("no techniques are given; at least one is needed")
    of_models = list(templates)
    for technique in techniques:
        if not any(map(technique.applies_to, of_models)):
            technique.require_fit(of_models[0])
    names = [technique.name for technique in techniques]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"technique '{name}' is given twice")


def check_traffic(searched: Mapping[str, Sequence[ModelSpec]]) -> None:
    """Raise `InputError` where none of the models that a technique is searched on has traffic.

    One that is searched on none is not tried.
    """
    for technique, models in searched.items():
        if models and not any(model.weight for model in models):
            raise InputError(
                f"all weights of the representative models that technique '{technique}' may "
                "change are zero; none has traffic"
            )

"""What must hold before techniques are searched over models; else nothing is written."""

from collections.abc import Sequence

from smt.errors import InputError
from smt.fleet import ModelSpec
from smt.template import Technique, Template, above_flops_limit


def check_techniques(techniques: Sequence[Technique], template: Template) -> None:
    """Raise `InputError` where there are none, one comes twice, or does not fit the template."""
    if not techniques:
        raise InputError("no techniques are given; at least one is needed")
    for technique in techniques:
        technique.require_fit(template)
    names = [technique.name for technique in techniques]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"technique '{name}' is given twice")


def check_representatives(models: Sequence[ModelSpec], template: Template) -> None:
    """Raise `InputError` where none has traffic, or the template breaks the FLOPs limit of one."""
    if not any(model.weight for model in models):
        raise InputError("all weights of the representative models are zero; none has traffic")
    for model in models:
        excess = above_flops_limit(template, model)
        if excess is not None:
            raise InputError(
                f"model '{model.name}': template '{template.name}' needs {excess.needed}, its "
                f"limit is {excess.allowed}"
            )

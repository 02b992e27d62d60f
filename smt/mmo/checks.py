"""What must hold before techniques are searched over models; else nothing is written."""

from collections.abc import Sequence

from smt.errors import InputError
from smt.template import Technique, Template


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

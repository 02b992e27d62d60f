"""The templates, by name."""

from smt.errors import InputError
from smt.spec import suggest
from smt.template.template import Template

catalogue: dict[str, Template] = {
    "sparsenn_small": Template(name="sparsenn_small"),
}


def find_template(name: str) -> Template:
    """The template of this name, or the one that a YAML file holds.

    Raises:
        InputError: There is none, or the file is wrong.
    """
    if name.endswith((".yaml", ".yml")):
        return Template.load(name)
    if name not in catalogue:
        raise InputError(f"unknown template '{name}'; {suggest(name, list(catalogue))}")
    return catalogue[name]

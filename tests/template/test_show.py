import pytest
from rich.console import Console

from smt.template import Float, Template
from smt.template.difference import diff
from smt.template.show import change_lines, history_table, template_tree
from smt.template.versions import AppliedTechnique, Version

EXPOSED = {"training.dense_rate": Float(0.001, 0.1)}
FIRST = Version(name="t", number=1, written="2026-01-31", template=Template(name="t"))
SECOND = Version(
    name="t",
    number=2,
    parent=1,
    techniques=(
        AppliedTechnique(name="rated", theta={"rate": 0.002, "big": True}, exposed=("rate",)),
        AppliedTechnique(name="plain"),
    ),
    written="2026-02-28",
    template=FIRST.template.model_copy(update={"exposed": EXPOSED}),
)


def printed(renderable):
    console = Console(width=200)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


@pytest.mark.parametrize(
    "shown", [history_table((FIRST, SECOND)), template_tree(SECOND.template, SECOND)]
)
def test_a_technique_says_what_it_exposes(shown):
    text = printed(shown)
    assert "rated (rate 0.002, big yes; exposes rate)" in text
    assert "plain (" not in text


def test_what_is_exposed_is_a_change_of_the_template():
    lines = printed(change_lines(diff(FIRST.template, SECOND.template)))
    assert "exposed.training.dense_rate: none -> a number in [0.001, 0.1]" in lines

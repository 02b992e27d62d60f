"""What a back-test trains of a version."""

from types import SimpleNamespace

from made_generalization import made_result
from made_models import made_model

from smt.template import Template
from smt.template.versions import RunRecord, Version
from smt.template_iteration.candidate import Candidate
from smt.template_iteration.decision import LeftOut
from smt.template_iteration.integrate import Integration
from smt.template_iteration.sample_training import SampleTraining

PARENT = Template(name="t")
VERSION = PARENT.change("training", dense_rate=0.5)
WITHOUT = PARENT.change("training", dense_rate=0.25)
RECORD = RunRecord(
    fleet="shop", representatives=("a",), trials=3, seed=3, techniques={}, command="generalize.py"
)


def candidate_of(searched):
    change = Integration(
        "runs/x",
        made_result(template=searched),
        "t",
        Version(name="t", number=1, written="2026-01-31", template=PARENT),
        Version(name="t", number=2, parent=1, run=RECORD, written="2026-01-31", template=VERSION),
        (),
        (LeftOut("x", template=WITHOUT), LeftOut("y", failure="others need it")),
    )
    return Candidate(change, (made_model("a"),), (made_model("a"),))


def on_500_rows(template):
    return template.change("data", train_rows=500).change("training", workers=2)


def test_all_that_is_trained_has_the_rows_and_workers_of_the_run():
    candidate = candidate_of(on_500_rows(PARENT))
    assert candidate.templates == tuple(map(on_500_rows, (PARENT, VERSION, WITHOUT)))
    asked = []
    dispatcher = SimpleNamespace(
        trial=SimpleNamespace(remote=lambda tasks, _: asked.extend(tasks)),
    )
    display = SimpleNamespace(plan=lambda _: None)
    training = SampleTraining((1, 2), {"a": "digest"}, {}, dispatcher, display)
    training.ask(candidate, "backtest", candidate.version, ["gain"])
    assert [Template.model_validate(task["template"]) for task in asked] == 2 * [
        on_500_rows(VERSION)
    ]


def test_what_a_version_holds_is_what_it_will_train_with():
    candidate = candidate_of(on_500_rows(PARENT))
    assert candidate.version == VERSION
    assert candidate.changed == {"a": VERSION}
    assert candidate_of(PARENT).templates == (PARENT, VERSION, WITHOUT)

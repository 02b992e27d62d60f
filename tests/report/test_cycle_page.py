import json
from html import escape
from pathlib import Path
from shutil import copytree

import pytest
from written_page import Page

from smt.errors import InputError
from smt.fleet.budget import Growth
from smt.report.pages.cycle import write_cycle_report
from smt.results.cycle import LAUNCH, SEARCH, VERSION, CycleResult
from smt.results.folder import read_result, write_result
from smt.results.integration import (
    IntegrationResult,
    ModelGroup,
    PlaceChange,
    Thresholds,
    UndatedVersion,
)
from smt.results.integrations import IntegrationsResult, TemplateIntegration, integration_of
from smt.results.launch import DeltaSummary, LaunchResult, MeanDelta, ShippedSummary
from smt.results.launch_settings import LaunchSettings
from smt.storage import Folder
from smt.template import load_version
from smt.template.versions import RunRecord

GROUP = ModelGroup(
    models=12,
    savings=None,
    mean=0.21,
    mean_sem=0.02,
    regression_rate=0.0,
    value=0.21,
    helped=9,
    neutral=3,
    regressed=0,
)
INTEGRATION = IntegrationResult(
    fleet="made",
    template="small",
    parent=1,
    number=2,
    techniques=(),
    kinds={},
    exposures=(),
    changes=(PlaceChange(place="training.ema_decay", before="none", after="0.99"),),
    settings=Thresholds(alpha=0.05, epsilon=0.2, tau=0.05, saving=0.05, capacity=5.0),
    seeds=(5,),
    decision="kept",
    reason="A = +0.210% reaches τ = 0.05%",
    misfits=(),
    growth=Growth(flops=1.0, bytes=-0.25),
    blame_reason=None,
    blame=(),
    groups={"all": GROUP},
    models=(),
    version=UndatedVersion(
        name="small",
        number=2,
        parent=1,
        techniques=(),
        run=RunRecord(
            fleet="made", representatives=("a",), trials=8, seed=3, techniques={}, command="made"
        ),
        backtest=None,
        notes="",
        template=load_version("sparsenn_small", 1),
    ),
)
DELTAS = DeltaSummary(
    models=11,
    each=MeanDelta(mean=0.18, interval=(0.1, 0.26)),
    by_traffic=None,
    min=0.0,
    quartiles=(0.1, 0.2, 0.3),
    max=0.4,
    better=9,
    worse=0,
    regressed=0,
)
LAUNCHED = LaunchResult(
    fleet="made",
    templates={"small@2": ("small@1",)},
    settings=LaunchSettings(),
    models=12,
    outcomes={"ships": 11, "held back": 1, "failed": 0},
    delta=DELTAS,
    shipped=ShippedSummary(models=11, mean=0.17, mean_by_traffic=0.2),
    cost=None,
    tuning=None,
    attributes={},
    not_shipped=(),
)


@pytest.fixture
def turn(run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """The three runs of a turn, side by side; of the launch no model's row."""
    copytree(run_folder, tmp_path / SEARCH)
    write_result(Folder(tmp_path / VERSION), INTEGRATION)
    write_result(Folder(tmp_path / LAUNCH), LAUNCHED)
    monkeypatch.setattr("smt.results.cycle.read_launched", lambda folder: ())
    return Folder(tmp_path)


def test_the_page_leads_through_the_turn_and_to_the_whole_report_of_every_step(turn: Folder):
    html = Path(write_cycle_report(turn)).read_text()
    page = Page(html)
    pages = {reference.partition("#")[0] for reference in page.references}
    assert pages == {f"{step}/report.html" for step in (SEARCH, VERSION, LAUNCH)}
    assert "12 models, for which 5 stand in." in html
    assert "helps and saves generalize." in html
    assert "small@2 is kept." in html
    assert "11 of 12 models ship, 1 held back, 0 failed; over small@1 the launch helps" in html
    assert page.rows("places") == [["training.ema_decay", "none", "0.99"]]
    assert [row[0] for row in page.rows("techniques")] != []
    assert len(page.tables) == len(set(page.tables))


def test_its_result_is_what_the_page_shows(turn: Folder):
    html = Path(write_cycle_report(turn)).read_text()
    result = read_result(turn, CycleResult)
    assert CycleResult.parse(json.loads(Page(html).data), source="page") == result
    assert result.techniques == {
        "helps": True,
        "weak": False,
        "breaks": False,
        "lucky": False,
        "narrow": False,
        "saves": True,
    }
    assert (result.versions, result.gain) == ({"small@2": "kept"}, 0.18)


def test_a_technique_of_which_no_theta_could_be_tried_is_named_with_the_reason(turn: Folder):
    place = Path(turn.path(SEARCH)) / "result.json"
    why = "no theta may be tried: the fleet's FLOPs grow by 9.0%, 5% are neutral"
    place.write_text(json.dumps({**json.loads(place.read_text()), "untried": {"dear": why}}))
    html = Path(write_cycle_report(turn)).read_text()
    assert "7 techniques tried on these, dear at no θ, " in html
    assert f"{escape(why)}." in html
    assert read_result(turn, CycleResult).techniques["dear"] is False


def test_a_turn_of_several_templates_has_a_part_for_each_version_that_was_made(turn: Folder):
    whole = Folder(turn.path(VERSION))
    towers = INTEGRATION.model_copy(
        update={"template": "towers", "number": 4, "decision": "not kept", "reason": "R is <large>"}
    )
    for made in (INTEGRATION, towers):
        write_result(Folder(whole.path(made.template)), made)
    rows = [*map(integration_of, (INTEGRATION, towers))]
    rows.append(TemplateIntegration(template="large", decision="not made", reason="nothing fits"))
    write_result(whole, IntegrationsResult(run="search", fleet="made", templates=tuple(rows)))
    html = Path(write_cycle_report(turn)).read_text()
    page = Page(html)
    places = {f"{VERSION}/small/report.html", f"{VERSION}/towers/report.html"}
    assert places <= {*page.references}
    assert "towers@4 is not kept." in html
    assert "R is &lt;large&gt;" in html
    assert page.rows("places-1") == page.rows("places-2") != []
    assert "large gets no version: nothing fits." in html
    assert len(page.tables) == len(set(page.tables))
    assert read_result(turn, CycleResult).versions == {"small@2": "kept", "towers@4": "not kept"}


def test_a_damaged_result_of_a_step_is_named(turn: Folder):
    Path(turn.path(VERSION), "result.json").write_text("{")
    with pytest.raises(InputError, match="is damaged; no JSON can be read from it"):
        write_cycle_report(turn)


@pytest.mark.parametrize("missing", [SEARCH, VERSION, LAUNCH])
def test_a_turn_without_one_of_its_runs_is_refused_with_the_folder(turn: Folder, missing: str):
    Path(turn.path(missing), "result.json").unlink()
    with pytest.raises(InputError, match=missing):
        write_cycle_report(turn)

"""What a template names by path is part of what a measurement is known by."""

import pytest
from rich.console import Console

from smt.errors import InputError
from smt.fleet import Fleet, log_name
from smt.importance import fleet
from smt.results.importance import ImportanceSettings, Measured
from smt.storage import Folder
from smt.template import FleetTemplates


@pytest.fixture
def measure(monkeypatch, small_model, small_log, small_template, tmp_path):
    """Measures on no cluster: what a worker would come to is that nothing was measured."""
    monkeypatch.setattr(fleet, "plan_run", lambda *_: None)
    nothing = Measured(small_model.name, None, "no worker")
    monkeypatch.setattr(fleet, "_on_workers", lambda *_: [nothing])
    table = tmp_path / "importance.parquet"
    template = small_template.change("features", selection={"importance": str(table)})

    def run(content, *, resume):
        table.write_bytes(content)
        return list(
            fleet.measure_models(
                [small_model],
                {log_name(small_model.log): small_log},
                FleetTemplates.of_one(template, Fleet(name="one", models=(small_model,))),
                ImportanceSettings(),
                Folder(tmp_path / "out"),
                resume=resume,
                console=Console(quiet=True),
            )
        )

    return run


def test_a_measurement_goes_on_only_with_the_importances_that_it_began_with(measure):
    first = measure(b"first", resume=False)
    assert measure(b"first", resume=True) == first
    with pytest.raises(InputError, match="holds a run with another files"):
        measure(b"other", resume=True)

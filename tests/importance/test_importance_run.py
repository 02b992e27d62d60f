from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from smt.errors import InputError
from smt.fleet import Fleet
from smt.importance.fleet import describe_measured, measure_model
from smt.results.folder import read_result
from smt.results.importance import (
    ImportanceResult,
    ImportanceSettings,
    rank_features,
    save_importance,
)
from smt.storage import Folder
from smt.template import FleetTemplates

SETTINGS = ImportanceSettings(method="gradient", rows=50)


@pytest.fixture
def fleet(small_model):
    features = ("item", "item_price")
    fine = small_model.model_copy(update={"name": "fine", "features": features})
    rare = small_model.model_copy(
        update={"name": "rare", "features": features, "events": ("hide",)}
    )
    return Fleet(name="two", models=(fine, rare))


@pytest.fixture
def log(small_log):
    """In the last of the training window nobody hides anything."""
    train = small_log.train
    values = train["hide"].to_numpy().copy()
    values[-1000:] = 0
    place = train.column_names.index("hide")
    train = train.set_column(place, train.field("hide"), pa.array(values))
    return replace(small_log, train=train)


def test_a_model_that_cannot_be_measured_is_named_and_the_others_are(
    fleet, log, small_template, tmp_path
):
    folder, built = Folder(tmp_path), FleetTemplates.of_one(small_template, fleet)
    found = [measure_model(model, log, small_template, SETTINGS) for model in fleet.models]
    assert [each.failure is None for each in found] == [True, False]
    assert describe_measured(found[0]).startswith("fine: loss ")
    assert "rare: not measured" in describe_measured(found[1])
    result = save_importance(found, fleet, built, SETTINGS, folder)
    assert [each.model for each in result.models] == ["fine"]
    assert "'hide' never happens in the last 10%" in result.failures["rare"]
    assert read_result(folder, ImportanceResult) == result
    assert set(folder.read_table("importance.parquet")["model"].to_pylist()) == {"fine"}


def test_nothing_measured_is_an_error_with_every_reason(fleet, log, small_template, tmp_path):
    found = [measure_model(fleet.models[1], log, small_template, SETTINGS)]
    built = FleetTemplates.of_one(small_template, fleet)
    with pytest.raises(InputError, match=r"model 'rare': .*never happens"):
        save_importance(found, fleet, built, SETTINGS, Folder(tmp_path))


def test_a_rank_is_by_the_mean_over_the_models_that_read_a_feature():
    rows = [
        ("a", "id", 1.0, 0.3, "m1"),
        ("a", "id", 3.0, 0.4, "m2"),
        ("b", "id", 2.5, 0.1, "m2"),
        ("c", "numeric", -1.0, 0.1, "m1"),
    ]
    names = ("feature", "type", "importance", "sem", "model")
    ranking = rank_features(pa.Table.from_pylist([dict(zip(names, r, strict=True)) for r in rows]))
    assert {kind: [each.feature for each in found] for kind, found in ranking.items()} == {
        "numeric": ["c"],
        "id": ["b", "a"],
    }
    assert ranking["id"][1].importance == 2.0
    assert np.isclose(ranking["id"][1].sem, 0.25)
    assert ranking["id"][1].by_model == {"m1": 1.0, "m2": 3.0}

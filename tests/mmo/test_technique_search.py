from made_models import made_model

from smt.data import Schema
from smt.mmo import Settings
from smt.mmo.generalization import _search_all
from smt.mmo.technique_search import TechniqueSearch
from smt.techniques import catalogue
from smt.template import Technique, load_version


def keys(template, model):
    """Of a baseline and of a trial's task, as a new run makes them."""
    again = Technique(
        name="again", part="training", summary="None.", source="here", space={}, change=lambda t: t
    )
    templates, logs = {model.name: template}, {model.name: "log"}
    search = TechniqueSearch((model,), templates, Settings(), None, logs, None)
    (trial,) = search._tasks(again, 0, {}, [model])
    return search.task(model).key, trial.key


def test_a_changed_file_that_the_template_names_is_evaluated_anew(
    tmp_path, small_template, small_model
):
    file = tmp_path / "importance.parquet"
    template = small_template.change("features", selection={"importance": str(file)})
    found = []
    for content in (b"first", b"second"):
        file.write_bytes(content)
        found.append(keys(template, small_model))
    assert len({key for pair in found for key in pair}) == 2
    assert keys(small_template, small_model) == keys(small_template, small_model)


EARLY, LATE = made_model("early", stage="retrieval"), made_model("late")
TEMPLATES = {
    "early": load_version("decoupled_sparsenn_small", 1),
    "late": load_version("sparsenn_small", 1),
}


SCHEMA = Schema.parse(
    {
        "columns": {
            "time": {"kind": "timestamp"},
            "user": {"kind": "id", "num_ids": 5, "side": "user"},
            "seen": {"kind": "sequence", "num_ids": 5, "side": "user"},
            "click": {"kind": "event"},
            "buy": {"kind": "event", "after": "click"},
            "spent": {"kind": "value"},
        }
    },
    source="test",
)


def searching(*models):
    logs = {model.name: "log" for model in models}
    return TechniqueSearch(models, TEMPLATES, Settings(), None, logs, None, schemas={"log": SCHEMA})


def fitting(technique, **attributes):
    """Whether a ranking model with these attributes is one that a technique is searched on."""
    model = made_model("late", **attributes)
    return searching(model).fitting(catalogue[technique], (model,)) == (model,)


def test_theta_changes_each_models_own_template_and_is_compared_with_it():
    technique, theta = catalogue["label_smoothing"], {"smoothing": 0.01}
    search = searching(EARLY, LATE)
    for model, task in zip(
        (LATE, EARLY), search._tasks(technique, 0, theta, [LATE, EARLY]), strict=True
    ):
        assert task.model == model
        assert task.template == technique.apply(TEMPLATES[model.name], theta)
        assert search.task(model).template == TEMPLATES[model.name]


def test_a_technique_is_searched_over_the_models_whose_templates_it_fits():
    early, late = (
        made_model(model.name, stage=model.stage, features=("user", "seen"))
        for model in (EARLY, LATE)
    )
    search = searching(early, late)
    assert search.fitting(catalogue["target_attention"], (early, late)) == (late,)
    assert search.fitting(catalogue["label_smoothing"], (early, late)) == (early, late)


def test_a_technique_is_not_searched_on_models_that_lack_what_it_reads():
    assert fitting("target_attention", features=("user", "seen"))
    assert not fitting("target_attention", features=("user",))
    assert not fitting("piecewise_linear_numerics", features=("user", "seen"))
    assert fitting("dcn_v2", features=("user",))


def test_an_entire_space_is_searched_on_models_of_an_event_that_comes_after_another():
    assert fitting("entire_space", events=("buy",))
    assert fitting("entire_space", events=("spent", "buy"))
    assert not fitting("entire_space", events=("spent", "click"))


def test_experts_are_searched_on_models_of_several_events():
    for name in ("mmoe", "ple"):
        assert fitting(name, events=("spent", "click"))
        assert not fitting(name, events=("click",))


def test_a_technique_that_changes_no_representative_is_not_tried_and_says_so():
    search = searching(made_model("late", events=("click",)))
    assert list(_search_all((catalogue["entire_space"],), search, ())) == [
        ("entire_space", "not tried: it would leave all 1 representatives as they are")
    ]

from smt.mmo import Settings
from smt.mmo.technique_search import TechniqueSearch
from smt.template import Technique


def keys(template, model):
    """Of a baseline and of a trial's task, as a new run makes them."""
    again = Technique(
        name="again", part="training", summary="None.", source="here", space={}, change=lambda t: t
    )
    search = TechniqueSearch((model,), template, Settings(), None, {model.name: "log"}, None)
    task = search.task(model)
    return task.key, task.model_copy(update=search._change(again, 0, {})).key


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

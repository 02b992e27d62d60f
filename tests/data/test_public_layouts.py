"""Made files in the layouts of public data sets, from a drafted schema to a trained model."""

import math
import re
from pathlib import Path

import pytest
import yaml
from made_layouts import LAYOUTS, ROWS, schema_text, write
from made_models import made_model

from smt.data.schema import Schema
from smt.data.sources import store
from smt.data.sources.infer import infer_schema
from smt.data.sources.table import read_table
from smt.template import load_version
from smt.training import train

DOCS = Path(__file__).parents[2] / "docs" / "logs.md"


@pytest.fixture(params=LAYOUTS, ids=lambda layout: layout.__name__)
def layout(request, tmp_path):
    """(how it is made, its file)."""
    return request.param, write(request.param, tmp_path)


def test_a_public_layout_is_drafted_read_and_trained_on(layout, tmp_path):
    made, file = layout
    data_set, added, drafted, absent = LAYOUTS[made]
    draft = infer_schema([file])
    assert f"# Recognised: {data_set}" in draft
    columns = yaml.safe_load(draft)["columns"]
    for name, keys in drafted.items():
        assert columns[name] == keys, name
    assert not columns.keys() & {*absent}
    # What a person does where the draft says so.
    assert ("TO DO" in draft) == bool(added)
    schema = tmp_path / "schema.yaml"
    schema.write_text(schema_text(made, draft))
    log = store(read_table([file], schema), tmp_path / "log", test_share=0.2)
    assert log.train.count_rows() + log.test.count_rows() == ROWS
    spec = Schema.load(schema)
    model = made_model("made", events=spec.events[:1], features=spec.features)
    template = load_version("sparsenn_small").change("training", batch_size=64)
    assert math.isfinite(train(template, model, log).ne)


@pytest.mark.parametrize(
    ("place", "layout"), enumerate(LAYOUTS), ids=[layout.__name__ for layout in LAYOUTS]
)
def test_the_schema_in_the_docs_reads_its_layout(place, layout, tmp_path):
    schemas = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), flags=re.DOTALL)
    assert len(schemas) == len(LAYOUTS)
    (tmp_path / "schema.yaml").write_text(schemas[place])
    source = read_table([write(layout, tmp_path)], tmp_path / "schema.yaml")
    assert source.rows.num_rows == ROWS

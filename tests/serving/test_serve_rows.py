"""Raw rows served by an exported program, and what its manifest tells a caller without us."""

import hashlib
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from plain_templates import PLAIN

from smt.data import read_batches
from smt.data.schema import Schema
from smt.data.sources.table import read_table
from smt.errors import InputError
from smt.layers.initialize import initialize
from smt.serving import export_network, load_exported
from smt.template import build

SCHEMA = {
    "time": {"kind": "timestamp"},
    "user": {"kind": "id", "num_ids": 40, "coding": "hash", "side": "user"},
    "item": {"kind": "id", "num_ids": 9, "coding": "dictionary", "side": "item"},
    "cat": {"kind": "id", "num_ids": 5, "side": "item"},
    "tab": {"kind": "surface", "num_ids": 2, "names": ["home", "search"]},
    "seen": {
        **{"kind": "sequence", "num_ids": 9, "of": "item", "side": "user"},
        **{"events": "how", "num_events": 3, "timestamps": "when"},
    },
    "price": {"kind": "numeric", "side": "item"},
    "click": {"kind": "event"},
    "weight": {"kind": "weight"},
}
FEATURES = ("user", "item", "cat", "tab", "seen", "price")
ROWS = [
    {
        **{"time": 1714557600000 + 1000 * n, "user": f"u{n % 7}", "item": f"i{n % 5}"},
        **{"cat": None if n % 6 == 5 else n % 5, "tab": ("home", "search")[n % 2]},
        **{"seen": [f"i{k % 5}" for k in range(n % 4)], "how": [k % 3 for k in range(n % 4)]},
        **{"when": [1714557500000 - 60_000 * k for k in range(n % 4)], "price": 0.5 * n},
        **{"click": n % 3 == 0, "weight": 1.0},
    }
    for n in range(24)
]


@pytest.fixture(scope="module", params=["sparsenn_small", "decoupled_sparsenn_small"])
def one(request, small_model, tmp_path_factory):
    """A log of raw rows, a network of it, and what was exported."""
    folder = tmp_path_factory.mktemp("served")
    Schema.model_validate({"columns": SCHEMA}).dump(folder / "schema.yaml")
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "log.parquet")
    source = read_table([folder / "log.parquet"], folder / "schema.yaml")
    template = PLAIN[request.param].change("features", event_steps=8)
    model = small_model.model_copy(update={"features": FEATURES})
    network = build(template, model, source.schema)
    initialize(network, 0)
    network.eval()
    export_network(
        network,
        template,
        folder / "export",
        reading=source.reading,
        dictionaries=source.dictionaries,
    )
    return SimpleNamespace(source=source, network=network, path=folder / "export")


def scores_of_the_log(one):
    batches = read_batches(
        one.source.rows,
        one.source.schema,
        features=one.network.features,
        events=("click",),
        batch_size=len(ROWS),
        steps=True,
    )
    with torch.no_grad():
        return torch.sigmoid(one.network(next(batches)))


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def requests():
    """The rows as a service gets them: no label, no weight."""
    return [{k: v for k, v in row.items() if k not in ("click", "weight")} for row in ROWS]


def test_raw_rows_score_as_the_log_that_was_made_of_them(one):
    served = load_exported(one.path).serve(requests())
    close(served.scores, scores_of_the_log(one))
    assert not any(served.unknown.values())
    assert served.missing["cat"] == 4


def test_rows_may_be_a_table_and_texts(one):
    def text(value):
        return "|".join(map(str, value)) if isinstance(value, list) else str(value)

    texts = {name: [text(row[name]) for row in ROWS] for name in (*FEATURES, "how", "when")}
    times = pa.array([row["time"] for row in ROWS], pa.timestamp("ms", "UTC"))
    served = load_exported(one.path).serve(pa.table({**texts, "time": times}))
    close(served.scores, scores_of_the_log(one))


def test_a_new_value_scores_as_a_missing_one_and_is_counted(one):
    program = load_exported(one.path)
    known, new = requests(), requests()
    for number, (name, value) in enumerate(
        {"item": "i9", "cat": 5, "price": "cheap", "seen": ["i0", "i7"]}.items()
    ):
        known[number][name], new[number][name] = None, value
    # What is not known of a list stays in it.
    known[3] |= {"seen": ["i0", None], "how": [0, 0], "when": [0, 0]}
    new[3] |= {"how": [0, 0], "when": [0, 0]}
    served, expected = program.serve(new), program.serve(known)
    close(served.scores[:3], expected.scores[:3])
    close(served.scores[4:], expected.scores[4:])
    counts = {"item": 1, "cat": 1, "price": 1, "seen": 1}
    assert {name: n for name, n in served.unknown.items() if n} == counts
    assert dict(program.unknown) == counts
    # A name that is hashed has an id, though no log had it.
    assert program.serve([{**requests()[0], "user": "nobody"}]).unknown["user"] == 0


def test_no_rows_have_no_scores(one):
    served = load_exported(one.path).serve([])
    assert served.scores.shape == (0, 1)


def test_a_column_that_a_program_reads_is_asked_for(one):
    program = load_exported(one.path)
    without = [{k: v for k, v in row.items() if k != "price"} for row in requests()]
    with pytest.raises(InputError, match="the rows lack the column 'price'"):
        program.serve(without)


@pytest.mark.parametrize("one", ["decoupled_sparsenn_small"], indirect=True)
def test_towers_serve_rows_with_what_they_read(one):
    rows = requests()
    item = load_exported(one.path, "item").serve(
        [{name: row[name] for name in ("item", "cat", "price")} for row in rows]
    )
    user = load_exported(one.path, "user").serve(rows)
    score = torch.export.load(one.path / "score.pt2").module()
    close(score(user.scores, item.scores), scores_of_the_log(one))


def test_the_manifest_is_enough_for_a_caller_of_the_program_alone(one):
    manifest = yaml.safe_load((one.path / "manifest.yaml").read_text())
    table = pq.read_table(one.path / "dictionaries.parquet").to_pylist()
    known = [row["value"] for row in table if row["column"] == manifest["ids"]["item"]["of"]]

    def coded(name, value):
        rule = manifest["ids"][name]
        if rule["coding"] == "number":
            return value or 0
        if rule["coding"] == "dictionary":
            return known.index(value) + 1
        if rule["coding"] == "names":
            return rule["names"].index(value)
        whole = int.from_bytes(hashlib.blake2b(value.encode(), digest_size=8).digest(), "little")
        return 1 + whole % (rule["num_ids"] - 1)

    inputs = manifest["programs"]["network"]
    tensors = {
        "numeric": torch.tensor([[row[name] for name in inputs["numeric"]] for row in ROWS]),
        "ids": torch.tensor(
            [[coded(name, row[name]) for row in ROWS] for name in inputs["ids"]],
        ),
        "lists": {
            name: (
                torch.tensor([coded(name, value) for row in ROWS for value in row[name]]),
                torch.tensor([len(row[name]) for row in ROWS]),
            )
            for name in inputs["lists"]
        },
        "steps": {
            name: torch.tensor([value for row in ROWS for value in row[name]])
            for name in inputs["steps"]
        },
        "timestamps": torch.tensor([row["time"] for row in ROWS]),
    }
    program = torch.export.load(one.path / "network.pt2").module()
    close(program(tensors), scores_of_the_log(one))
    limits = {name: rule["num_ids"] for name, rule in manifest["ids"].items()}
    assert limits == {"user": 40, "item": 9, "cat": 5, "tab": 2, "seen": 9, "how": 3}


def test_ids_that_a_batch_should_not_have_are_counted(one):
    program = load_exported(one.path)
    batch = next(
        read_batches(
            one.source.rows,
            one.source.schema,
            features=one.network.features,
            events=("click",),
            batch_size=4,
            steps=True,
        )
    )
    before = program(batch)
    assert not program.unknown
    batch.ids.to_dict()["cat"].values()[:2] = torch.tensor([5, -1])
    batch.id_lists["how"].values()[0] = 3
    after = program(batch)
    assert after.shape == before.shape
    assert dict(program.unknown) == {"cat": 2, "how": 1}
    program(batch)
    assert dict(program.unknown) == {"cat": 4, "how": 2}

"""Features as tokens, against one row and one id at a time."""

import pytest
import torch
from made_batches import batch_of, changed, rows_of

from smt.layers.examples import Examples
from smt.layers.hashing import mix
from smt.layers.initialize import initialize
from smt.template import build

FEATURES = ("user", "item", "user_age", "user_interests", "item_tags", "item_content", "history")
READERS = {
    "pooled": {},
    "attention": {"pooling": {"kind": "attention", "hidden": 4}},
    "target": {"sequence": {"kind": "target_attention", "hidden": (4,)}},
    "self-attention": {"sequence": {"kind": "self_attention", "layers": 1, "heads": 2}},
    "hstu": {"sequence": {"kind": "hstu", "layers": 1, "heads": 2, "time_buckets": 8}},
}
STEPPED = [name for name in READERS if name != "pooled"]
TYPED = {"event_steps": 24}


@pytest.fixture(scope="module")
def make(small_template, small_model, small_log):
    """(values of the features part) -> an initialised network over a few features."""

    def network(features=FEATURES, **values):
        model = small_model.model_copy(update={"features": features})
        built = build(small_template.change("features", **values), model, small_log.schema)
        initialize(built, 0)
        return built.eval()

    return network


@pytest.fixture(scope="module")
def rows(small_log):
    """Rows with full histories but for one with none."""
    rows = [row for row in rows_of(small_log, 400) if len(row["history"]) == 10][:4]
    assert len(rows) == 4
    rows[1] = {**rows[1], "history": [], "history_events": [], "history_times": []}
    return rows


def tokens_of(network, log, rows):
    """feature -> its `[B, D]` token, of features with one of their own."""
    representation = network.tower.representation
    examples = Examples.of(batch_of(network, log, rows), training=False)
    tokens = representation(examples).tokens
    named = zip(representation.token_names, tokens.unbind(dim=1), strict=True)
    return {name: token for name, token in named if name is not None}


def table_of(network, name):
    (found,) = (
        value
        for key, value in network.state_dict().items()
        if key.endswith(f".embedding_bags.{name}.weight")
    )
    return found


@pytest.mark.parametrize("kind", ["mean", "sum"])
@pytest.mark.parametrize("values", [{}, {"shared_tables": True}])
def test_ids_are_rows_of_tables_and_lists_their_mean_or_sum(kind, values, make, small_log, rows):
    network = make(pooling={"kind": kind}, **values)
    tokens = tokens_of(network, small_log, rows)
    owners = {name: name for name in ("user", "item", "user_interests", "item_tags", "history")}
    if values:
        owners.update(user_interests="item_tags", history="item")
    for name, owner in owners.items():
        table = table_of(network, owner)
        for place, row in enumerate(rows):
            ids = row[name] if isinstance(row[name], list) else [row[name]]
            expected = sum((table[each] for each in ids), start=torch.zeros(16))
            if kind == "mean" and ids:
                expected = expected / len(ids)
            torch.testing.assert_close(tokens[name][place], expected)


def test_hashed_ids_are_sums_of_rows_and_means_are_over_ids(make, small_log, rows):
    network = make(hashing={"buckets": 20, "hashes": 3}, shared_tables=True)
    tokens = tokens_of(network, small_log, rows)
    for name, owner in (("item", "item"), ("history", "item"), ("user_interests", "item_tags")):
        table = table_of(network, owner)
        assert len(table) == 20

        def vector(each, table=table):
            buckets = [int(mix(torch.tensor(each), stream)) % 20 for stream in range(3)]
            return sum(table[bucket] for bucket in buckets)

        for place, row in enumerate(rows):
            ids = row[name] if isinstance(row[name], list) else [row[name]]
            expected = sum((vector(each) for each in ids), start=torch.zeros(16))
            torch.testing.assert_close(tokens[name][place], expected / max(len(ids), 1))


def test_crosses_and_buckets_are_ids_made_of_others(make, small_log, rows):
    rows = [dict(row) for row in rows]
    rows[2]["user_age"] = float("nan")
    network = make(
        crosses={"count": 1, "num_ids": 30},
        buckets={"count": 1, "buckets": 4},
        selection={"id": 1},
    )
    network.fit(batch_of(network, small_log, rows_of(small_log, 300)))
    tokens = tokens_of(network, small_log, rows)
    assert "item" not in tokens
    bounds = network.tower.representation.ids.quantile_buckets.boundaries[0].tolist()
    for place, row in enumerate(rows):
        pair = mix(mix(torch.tensor(row["user"])) + row["item"]) % 30
        expected = table_of(network, "cross__user__item")[int(pair)]
        assert torch.equal(tokens["cross__user__item"][place], expected)
        age = row["user_age"]
        bucket = 4 if age != age else sum(bound <= age for bound in bounds)
        expected = table_of(network, "bucket__user_age")[bucket]
        assert torch.equal(tokens["bucket__user_age"][place], expected)


@pytest.mark.parametrize("name", STEPPED)
@pytest.mark.parametrize("typed", [{}, TYPED])
def test_steps_beyond_the_latest_are_not_read(name, typed, make, small_log, rows):
    network = make(max_steps=3, **typed, **READERS[name])
    tokens = tokens_of(network, small_log, rows)
    columns = ("history", "history_events", "history_times")
    cut = [{**row, **{each: row[each][:3] for each in columns}} for row in rows]
    torch.testing.assert_close(tokens_of(network, small_log, cut)["history"], tokens["history"])
    shorter = [{**row, **{each: row[each][:2] for each in columns}} for row in rows]
    found = tokens_of(network, small_log, shorter)["history"]
    assert not torch.allclose(found[0], tokens["history"][0], atol=1e-6)
    assert torch.equal(found[1], tokens["history"][1])


@pytest.mark.parametrize("name", READERS)
def test_types_and_ages_of_steps_count_where_they_are_asked_for(name, make, small_log, rows):
    types = [
        {**row, "history_events": [3 - each for each in row["history_events"]]} for row in rows
    ]
    ages = [{**row, "history_times": [each // 2 for each in row["history_times"]]} for row in rows]
    shown = [{**row, "time": row["time"] + 10**9} for row in rows]
    plain = make(**READERS[name])
    typed = make(**READERS[name], **TYPED)
    before = tokens_of(plain, small_log, rows)
    of_typed = tokens_of(typed, small_log, rows)
    assert typed.reads_steps
    assert plain.reads_steps == (name == "hstu")
    for other in (types, ages, shown):
        after = tokens_of(plain, small_log, other)
        for key, token in after.items():
            # From step to step, so not when the impression was.
            reads_time = name == "hstu" and key == "history" and other is ages
            assert torch.equal(token, before[key]) != reads_time
        after = tokens_of(typed, small_log, other)
        for key, token in after.items():
            assert torch.equal(token, of_typed[key]) == (key != "history")
            if key == "history":
                # A list without steps has no types.
                assert torch.equal(token[1], of_typed[key][1])


def test_the_same_ages_are_read_alike_whenever_they_are(make, small_log, rows):
    """Only the time between a step and the impression counts."""
    day = 24 * 3_600_000
    later = [
        {**row, "time": row["time"] + day, "history_times": [t + day for t in row["history_times"]]}
        for row in rows
    ]
    for name in ("pooled", "hstu"):
        network = make(**READERS[name], **TYPED)
        first, second = (tokens_of(network, small_log, each) for each in (rows, later))
        assert torch.equal(first["history"], second["history"])


def test_target_attention_looks_at_the_item_shown(make, small_log, rows):
    network = make(**READERS["target"])
    tokens = tokens_of(network, small_log, rows)
    other = tokens_of(network, small_log, changed(rows, item=3))
    assert not torch.equal(other["history"][0], tokens["history"][0])
    reader = network.tower.representation.steps.readers["history"]
    table = table_of(network, "item")
    row = rows[0]
    expected = torch.zeros(16)
    for step in row["history"]:
        one, target = table[step], table[row["item"]]
        compared = torch.cat([one, target, one - target, one * target])
        expected += reader.pooler.activation(compared) * one
    torch.testing.assert_close(tokens["history"][0], expected, rtol=1e-4, atol=1e-6)


def test_a_sequence_whose_items_are_not_read_is_attended_by_a_query(make, small_log, rows):
    network = make(("user", "history"), **READERS["target"])
    assert network.tower.representation.steps.readers["history"].target is None
    tokens = tokens_of(network, small_log, rows)
    assert torch.equal(
        tokens_of(network, small_log, changed(rows, item=3))["history"], tokens["history"]
    )


@pytest.mark.parametrize("name", STEPPED)
def test_weights_of_positions_and_counts_reach_single_steps(name, make, small_log, rows):
    plain = make(**READERS[name])
    weights = {"max_positions": 2, "half_life": 1.0}
    weighted = make(position_weighting=weights, **READERS[name])
    gated = make(frequency_gate=1.0, **READERS[name])
    before = tokens_of(plain, small_log, rows)["history"]
    after = tokens_of(weighted, small_log, rows)["history"]
    assert not torch.allclose(after[0], before[0], atol=1e-6)
    # No id was seen yet: what is read is nothing.
    blank = [{**row, "history": [0] * len(row["history"])} for row in rows]
    first, second = (tokens_of(gated, small_log, each) for each in (rows, blank))
    torch.testing.assert_close(first["history"], second["history"])


def test_tokens_are_named_in_their_order(make):
    network = make(**READERS["target"])
    names = network.tower.representation.token_names
    assert names == [None, "item_content", "user", "user_interests", "item_tags", "item", "history"]

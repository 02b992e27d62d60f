import numpy as np
import pyarrow as pa
import pytest

from smt.data import Log
from smt.template import load_version
from smt.training import DivergedError, train


@pytest.fixture(
    params=[
        ("sparsenn_small", 1),
        ("sparsenn_small", None),
        ("decoupled_sparsenn_small", None),
    ],
    ids=lambda param: "@".join(map(str, param)),
)
def template(request):
    return load_version(*request.param).change("training", batch_size=256)


def with_values(log, **columns):
    """The log with other values in the training window: column -> a function of its own."""
    table = log.train
    for name, changed in columns.items():
        old = table[name].combine_chunks()
        if isinstance(old, pa.FixedSizeListArray):
            values = old.flatten().to_numpy(zero_copy_only=False).copy()
            rows = changed(values.reshape(-1, old.type.list_size))
            new = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), old.type.list_size)
        else:
            new = pa.array(changed(old.to_numpy(zero_copy_only=False).copy()))
        table = table.set_column(table.column_names.index(name), name, new)
    return Log(log.schema, table, log.test, digest="")


def put(place, value):
    def change(values):
        values[place] = value
        return values

    return change


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinite_number_is_named(value, template, small_model, small_log):
    log = with_values(small_log, item_price=put(700, value))
    expected = r"at step 2 of 16: feature 'item_price' has an infinite value in 1 of the examples"
    with pytest.raises(DivergedError, match=expected):
        train(template, small_model, log)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_embedding_with_an_element_that_is_not_finite_is_named(
    value, template, small_model, small_log
):
    log = with_values(small_log, item_content=put((300, 3), value))
    with pytest.raises(DivergedError, match=r"step 1 of 16: feature 'item_content' has an element"):
        train(template, small_model, log)


def test_every_feature_at_fault_is_named(template, small_model, small_log):
    log = with_values(small_log, item_price=put(3, np.inf), user_age=put(5, -np.inf))
    with pytest.raises(DivergedError, match=r"'user_age' has .*; feature 'item_price' has "):
        train(template, small_model, log)


def test_a_finite_vector_that_overflows_is_named(small_model, small_log):
    template = load_version("sparsenn_small").change("training", batch_size=256)
    log = with_values(small_log, item_content=put(slice(256, 300), 3e38))
    expected = r"step 1 of 16: feature 'item_content', with values up to 3e\+38, overflows"
    with pytest.raises(DivergedError, match=expected):
        train(template, small_model, log)


def test_without_a_feature_at_fault_the_rates_are_named(template, small_model, small_log):
    bare = template.model_copy(update={"exposed": {}})
    template = bare.change("training", dense_rate=1e30)
    expected = r"all features .* a rate may be too high \(dense_rate 1e\+30, table_rate 0.05\)"
    with pytest.raises(DivergedError, match=expected):
        train(template, small_model, small_log)


@pytest.mark.parametrize("name", ["sparsenn_small", "decoupled_sparsenn_small"])
@pytest.mark.parametrize("scale", [1e18, 1e-18])
def test_numbers_of_any_scale_train_alike(name, scale, small_model, small_log):
    template = load_version(name).change("training", batch_size=256)
    plain = train(template, small_model, small_log)
    columns = dict.fromkeys(("item_price", "user_age"), lambda values: values * np.float32(scale))
    log = with_values(small_log, **columns)
    test = with_values(Log(small_log.schema, small_log.test, small_log.test, ""), **columns).train
    scaled = train(template, small_model, Log(log.schema, log.train, test, ""))
    assert scaled.ne == pytest.approx(plain.ne, rel=1e-3)

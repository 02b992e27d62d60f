import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn.metrics import mean_tweedie_deviance

from smt.data import write_log
from smt.data.simulator import Simulator, SimulatorSpec, draw_delays, draw_labels
from smt.data.simulator_behaviour import EVENTS, PARENTS
from smt.data.simulator_world import DAY_MS, REGIONS, START_MS, SURFACES

KEYS = ("user", "item", "surface", "time")


@pytest.fixture(scope="module")
def simulator():
    return Simulator(SimulatorSpec(rows=60_000, num_users=1_000, num_items=400))


@pytest.fixture(scope="module")
def log(simulator):
    return simulator.log()


@pytest.fixture(scope="module")
def rows(log):
    return pa.concat_tables([log.train, log.test])


def truth(simulator, table):
    return simulator.probabilities(*(table[key].to_numpy() for key in KEYS))


def test_a_spec_makes_the_same_log_to_the_byte(simulator, log):
    again = Simulator(SimulatorSpec(**simulator.spec.to_dict())).log()
    for ours, theirs in ((log.train, again.train), (log.test, again.test)):
        assert ours.schema == theirs.schema
        for name in ours.column_names:
            for left, right in zip(ours[name].chunks, theirs[name].chunks, strict=True):
                assert [b and b.to_pybytes() for b in left.buffers()] == [
                    b and b.to_pybytes() for b in right.buffers()
                ], name
    assert log.digest == again.digest


def test_asking_twice_for_the_log_changes_nothing(simulator, log):
    for name in ("user", "item", "click", "history", "item_tags", "item_content"):
        assert simulator.log().test[name].equals(log.test[name])


def test_another_seed_makes_another_log(simulator, log):
    spec = simulator.spec.model_copy(update={"seed": 1})
    other = Simulator(spec).log()
    assert other.digest != log.digest
    assert not other.train["click"].slice(0, 1000).equals(log.train["click"].slice(0, 1000))


def test_the_log_can_be_written_and_is_in_time_order(simulator, log, tmp_path):
    written = write_log(tmp_path / "log", log.schema, log.train, log.test)
    assert written.schema == simulator.schema
    assert written.train.count_rows() + written.test.count_rows() == simulator.spec.rows
    train, test = log.train["time"].to_numpy(), log.test["time"].to_numpy()
    assert (np.diff(train) >= 0).all()
    assert (np.diff(test) >= 0).all()
    assert train.max() < test.min()
    assert len(test) / simulator.spec.rows == pytest.approx(0.2, abs=0.01)


def test_every_id_is_within_its_bound(log, rows):
    for name, column in log.schema.columns.items():
        if hasattr(column, "num_ids"):
            values = rows[name].combine_chunks()
            values = pc.list_flatten(values) if pa.types.is_list(values.type) else values
            assert pc.min(values).as_py() >= 0, name
            assert pc.max(values).as_py() < column.num_ids, name


def test_an_event_implies_its_parent(rows):
    for event, parent in zip(EVENTS, PARENTS, strict=True):
        if parent is not None:
            happened, possible = rows[event.name].to_numpy(), rows[EVENTS[parent].name].to_numpy()
            assert (happened <= possible).all()
            assert happened.sum() > 0


def test_the_schema_says_which_event_follows_which(log):
    after = {event: log.schema.columns[event].after for event in log.schema.events}
    assert after == {event.name: event.parent for event in EVENTS}


def test_every_feature_has_a_side(log):
    context = {name for name in log.schema.features if log.schema.side_of(name) == "context"}
    assert context == {"hour", "day_of_week", "surface"}


def test_conversions_have_a_delay_within_ten_days_and_nothing_else_has(rows):
    delays, happened = rows["conversion_delay"].to_numpy(), rows["conversion"].to_numpy() == 1
    assert (delays[~happened] == 0).all()
    assert delays[happened].min() > 0
    assert delays[happened].max() <= 10 * DAY_MS
    assert 0.6 < delays[happened].mean() / DAY_MS < 1.6


def test_expensive_items_wait_longer_and_delays_are_exponential():
    rng = np.random.default_rng(0)
    # Of means of 1/2, 1 and 2 days, before the cut at 10 days.
    for factor, mean in ((0.25, 0.5), (1, 1.0), (4, 2.0)):
        days = draw_delays(np.full(40_000, factor * np.exp(3)), rng) / DAY_MS
        whole = 1 - np.exp(-10 / mean)
        for quantile in (0.1, 0.5, 0.9):
            expected = -mean * np.log(1 - quantile * whole)
            assert np.quantile(days, quantile) == pytest.approx(expected, rel=0.05)


def test_base_rates_are_near_those_stated(rows):
    for event in EVENTS:
        assert rows[event.name].to_numpy().mean() == pytest.approx(event.rate, rel=0.35)


def test_labels_follow_the_true_probabilities(simulator, rows):
    # Shares of labels in ten equal groups by probability, against the mean probability there.
    for event, probability in truth(simulator, rows).items():
        label = rows[event].to_numpy()
        for group in np.array_split(np.argsort(probability), 10):
            mean = probability[group].mean()
            error = np.sqrt(mean * (1 - mean) / len(group))
            assert abs(label[group].mean() - mean) < 4.5 * error, event


def test_the_log_holds_the_true_probability_of_every_label(simulator, log):
    for event, probability in truth(simulator, log.train).items():
        held = log.train[log.schema.columns[event].truth].to_numpy()
        np.testing.assert_allclose(held, probability, rtol=1e-6)


def test_redrawn_labels_have_the_stated_probabilities(simulator, rows):
    # 20 impressions, each shown 5000 times: no reliance on the spread over rows.
    few = rows.slice(1000, 20)
    users, items, surfaces, times = (np.repeat(few[key].to_numpy(), 5_000) for key in KEYS)
    conditional = simulator.behaviour.conditional(users, items, surfaces, times)
    labels = draw_labels(conditional, np.random.default_rng(7))
    for event, probability in truth(simulator, few).items():
        rate = labels[event].reshape(20, -1).mean(axis=1)
        assert (np.abs(rate - probability) < 5 * np.sqrt(probability / 5_000) + 1e-3).all()


def test_probabilities_answer_for_impressions_never_shown(simulator):
    spec = simulator.spec
    every = np.arange(spec.num_items)
    one = np.full(spec.num_items, 3)
    at = np.full(spec.num_items, START_MS + spec.days * DAY_MS)
    click = simulator.probabilities(one, every, np.zeros_like(every), at)["click"]
    assert click.shape == (spec.num_items,)
    assert (click > 0).all()
    assert click.max() > 5 * click.min()


def test_bayes_ne_is_the_literal_ratio_of_cross_entropies(simulator, log):
    found = {(entry.event, entry.surface): entry for entry in simulator.bayes_ne(log)}
    assert len(found) == len(EVENTS) * len(SURFACES)
    click = truth(simulator, log.test)["click"]
    loss, count = 0.0, 0
    for surface, label, probability in zip(
        log.test["surface"].to_pylist(), log.test["click"].to_pylist(), click, strict=True
    ):
        if surface == 2:
            loss -= np.log(probability if label else 1 - probability)
            count += 1
    train = log.train.filter(pc.field("surface") == 2)["click"].to_numpy()
    rate = train.mean()
    entropy = -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    entry = found["click", SURFACES[2]]
    assert (entry.rows, entry.base_rate) == (count, pytest.approx(rate))
    assert entry.ne == pytest.approx(loss / count / entropy)


def test_the_truth_beats_what_single_ids_tell_by_far(simulator, log):
    # Naive Bayes over user, item and surface: no interactions.
    label, tested = log.train["view"].to_numpy(), log.test["view"].to_numpy()
    rate = label.mean()
    score = np.full(len(tested), np.log(rate / (1 - rate)))
    for key in ("user", "item", "surface"):
        ids = log.train[key].to_numpy()
        count = np.bincount(ids, minlength=1_000)
        share = (np.bincount(ids, label, minlength=1_000) + 15 * rate) / (count + 15)
        lift = np.log(share / (1 - share)) - np.log(rate / (1 - rate))
        score += lift[log.test[key].to_numpy()]

    def loss(probability):
        return -np.log(np.where(tested, probability, 1 - probability)).mean()

    best = loss(truth(simulator, log.test)["view"])
    assert best < 0.9 * loss(1 / (1 + np.exp(-score)))


def test_surfaces_and_regions_differ_in_rates_and_in_effects(simulator):
    spec, rng = simulator.spec, np.random.default_rng(0)
    users, items = rng.integers(spec.num_users, size=4_000), rng.integers(400, size=4_000)
    times = np.full(4_000, START_MS)
    view = [
        simulator.probabilities(users, items, np.full(4_000, code), times)["view"]
        for code in range(len(SURFACES))
    ]
    assert max(p.mean() for p in view) > 1.15 * min(p.mean() for p in view)
    ranks = np.array([np.argsort(np.argsort(p)) for p in view])
    assert np.corrcoef(ranks)[np.triu_indices(len(SURFACES), 1)].min() < 0.9
    regions = simulator.users.region[users]
    rates = [view[0][regions == code].mean() for code in range(len(REGIONS))]
    assert max(rates) > 1.05 * min(rates)


def test_the_same_impression_changes_with_time(simulator):
    users, items = np.arange(1_000), np.arange(1_000) % 400
    surfaces = np.zeros(1_000, np.int64)
    early, late = (
        simulator.probabilities(users, items, surfaces, np.full(1_000, START_MS + day * DAY_MS))
        for day in (0, 13)
    )
    assert np.corrcoef(early["view"], late["view"])[0, 1] < 0.97


def test_label_noise_pulls_probabilities_to_the_base_rate(simulator):
    noisy = Simulator(simulator.spec.model_copy(update={"label_noise": 0.5}))
    arguments = (np.arange(400), np.arange(400), np.zeros(400, np.int64), np.full(400, START_MS))
    clean_view = simulator.probabilities(*arguments)["view"]
    assert noisy.probabilities(*arguments)["view"].std() < 0.8 * clean_view.std()


def test_histories_hold_earlier_views_and_their_outcomes(rows):
    users, times, items, view, click, conversion = (
        rows[name].to_numpy() for name in ("user", "time", "item", "view", "click", "conversion")
    )
    for row in range(20_000, 20_200):
        earlier = np.flatnonzero((users == users[row]) & (times < times[row]) & (view == 1))
        earlier = earlier[::-1][:10]
        assert rows["history"][row].as_py() == items[earlier].tolist()
        codes = (1 + click + conversion)[earlier].tolist()
        assert rows["history_events"][row].as_py() == codes
        assert rows["history_times"][row].as_py() == times[earlier].tolist()


def test_propensities_are_the_shares_in_which_items_are_shown(simulator):
    shown = simulator.traffic.draw(300_000, np.random.default_rng(1))
    first_day = (shown.times < START_MS + DAY_MS) & (shown.surfaces == 0)
    items, propensity = shown.items[first_day], shown.propensity[first_day]
    for item in np.unique(items)[:50]:
        share, stated = (items == item).mean(), propensity[items == item]
        assert np.ptp(stated) == 0
        assert abs(share - stated[0]) < 5 * np.sqrt(stated[0] / len(items))


def test_some_numeric_values_are_missing_and_items_exist_before_they_are_shown(rows):
    missing = {
        name: np.isnan(rows[name].to_numpy()).mean() for name in ("user_age", "item_quality")
    }
    assert all(0.02 < share < 0.4 for share in missing.values())
    assert rows["item_age_days"].to_numpy().min() >= 0


def test_rows_are_clustered_by_user(log):
    assert log.schema.cluster == "user"


@pytest.fixture(scope="module")
def watched(simulator):
    """The same world, with the seconds that its users watched."""
    spec = simulator.spec.model_copy(update={"watch_time": True})
    return Simulator(spec)


@pytest.fixture(scope="module")
def watched_log(watched):
    return watched.log()


def test_watch_time_changes_nothing_else_of_a_log(log, watched_log):
    added = {"watch_time", "watch_time_truth", "watch_time_floor"}
    for ours, theirs in ((watched_log.train, log.train), (watched_log.test, log.test)):
        assert {*ours.column_names} - {*theirs.column_names} == added
        for name in theirs.column_names:
            left, right = (table[name].combine_chunks() for table in (ours, theirs))
            if pa.types.is_floating(left.type):
                np.testing.assert_array_equal(left.to_numpy(), right.to_numpy())
            else:
                assert left.equals(right), name
    assert watched_log.digest != log.digest


def test_seconds_are_watched_in_views_alone_and_have_a_heavy_tail(watched_log):
    table = pa.concat_tables([watched_log.train, watched_log.test])
    seconds, view = table["watch_time"].to_numpy(), table["view"].to_numpy()
    assert ((seconds > 0) == (view == 1)).all()
    assert seconds.max() > 20 * seconds[view == 1].mean()
    long = table["long_view"].to_numpy() == 1
    assert np.median(seconds[long]) > 4 * np.median(seconds[(view == 1) & ~long])


def test_the_truth_of_watch_time_is_its_expectation_and_the_floor_the_least_deviance(watched_log):
    table = pa.concat_tables([watched_log.train, watched_log.test])
    seconds, means, floor = (
        table[name].to_numpy().astype(float)
        for name in ("watch_time", "watch_time_truth", "watch_time_floor")
    )
    order = np.argsort(means)
    for part in np.array_split(order, 5):
        error = (seconds[part] - means[part]).std() / np.sqrt(len(part))
        assert abs(seconds[part].mean() - means[part].mean()) < 4 * error
    # Of one row, scikit-learn's mean deviance is the row's.
    some = slice(0, 5_000)
    pairs = zip(seconds[some], means[some], strict=True)
    off = [mean_tweedie_deviance([y], [m], power=1.5) for y, m in pairs] - floor[some]
    assert abs(off.mean()) < 4 * off.std() / np.sqrt(len(off))
    assert (floor >= 0).all()


def test_the_report_tells_the_least_loss_of_watch_time_by_surface(watched, watched_log):
    found = [entry for entry in watched.bayes_ne(watched_log) if entry.event == "watch_time"]
    assert [entry.surface for entry in found] == list(SURFACES)
    assert all(0.3 < entry.ne < 1 for entry in found)

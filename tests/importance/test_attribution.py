from dataclasses import replace

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from smt.data import read_batches
from smt.data.columns import Numeric
from smt.importance.attribution import attribute
from smt.importance.measure import features_of
from smt.layers.examples import Examples
from smt.layers.representation import Representation, Represented
from smt.template import load_version
from smt.training import train_network

STEP = 5e-3
TEMPLATES = {
    "small": {},
    "bins": {"features": {"numeric": {"kind": "piecewise_linear", "bins": 4, "tokens": 2}}},
    "past rates": {"data": {"past_rates": {"count": 3, "prior_count": 5.0}}},
    "transforms": {
        "features": {
            "crosses": {"count": 2, "num_ids": 500},
            "buckets": {"count": 2, "buckets": 4},
        }
    },
    "attention": {
        "features": {
            "sequence": {"kind": "target_attention", "hidden": [8]},
            "event_steps": 6,
            "pooling": {"kind": "attention", "hidden": 8},
        }
    },
    "interformer": {
        "architecture": {
            "interactions": [
                {
                    "kind": "interformer",
                    "layers": 1,
                    "heads": 2,
                    "summary_tokens": 2,
                    "recent": 3,
                }
            ]
        }
    },
}


@pytest.fixture(scope="module", params=[*TEMPLATES, "decoupled"])
def network(request, small_model, small_log):
    name = "decoupled_sparsenn_small" if request.param == "decoupled" else "sparsenn_small"
    template = load_version(name, 1).change("training", batch_size=256)
    for part, values in TEMPLATES.get(request.param, {}).items():
        template = template.change(part, **values)
    return train_network(template, small_model, small_log).reads


@pytest.fixture
def batch(network, small_log):
    return next(
        read_batches(
            small_log.test,
            small_log.schema,
            features=network.features,
            events=network.events,
            batch_size=64,
            steps=network.reads_steps,
        )
    )


def representations(network):
    return [module for module in network.modules() if isinstance(module, Representation)]


def losses_at(network, batch, feature, step):
    """Losses where everything that a feature was made into moved `step` of its way."""

    def moved(values):
        return values + step * (values - values.nanmean(dim=0))

    def read(representation, args):
        numeric = args[0].numeric.clone()
        if feature in representation.numeric_names:
            place = representation.numeric_columns[representation.numeric_names.index(feature)]
            numeric[:, place] = moved(numeric[:, place])
        return (args[0]._replace(numeric=numeric),)

    def make(representation, args, output):
        tokens = output.tokens.clone()
        for place, name in enumerate(representation.token_names):
            if name == feature:
                tokens[:, place] = moved(tokens[:, place])
        names = [] if representation.steps is None else [*representation.steps.readers]
        sequences = [
            each.with_values(moved(each.values)) if name == feature else each
            for name, each in zip(names, output.sequences, strict=False)
        ]
        return Represented(tokens, sequences)

    hooks = []
    for each in representations(network):
        hooks += [each.register_forward_pre_hook(read), each.register_forward_hook(make)]
        if each.past_rates is not None and feature in each.rated:
            place, count = each.rated.index(feature), len(each.rated)

            def rate(_, args, place=place, count=count):
                rates = args[0].view(len(args[0]), count, -1).clone()
                rates[:, place] = moved(rates[:, place])
                return (rates.flatten(1),)

            hooks.append(each.past_rates.project.register_forward_pre_hook(rate))
    with torch.no_grad():
        logits = network(batch).double()
    for hook in hooks:
        hook.remove()
    return binary_cross_entropy_with_logits(logits, batch.labels.double(), reduction="none")[:, 0]


def test_a_share_is_the_slope_of_the_loss_along_the_features_values(network, batch):
    losses, shares = attribute(network, batch, 0.0, torch.ones(1, dtype=torch.float64))
    torch.testing.assert_close(losses, losses_at(network, batch, None, 0.0))
    assert set(shares) == {*features_of(network)}
    for feature, share in shares.items():
        ahead = losses_at(network, batch, feature, STEP)
        back = losses_at(network, batch, feature, -STEP)
        slope = (ahead - back) / (2 * STEP)
        # Where a rectifier turns within the step, the slope is between two gradients.
        errors = (share.double() - slope).abs()
        assert errors.quantile(0.9) < 0.02 * slope.abs().max() + 2e-4, feature


def test_every_token_is_made_of_the_feature_that_it_is_named_after(network, batch):
    """Change an example's value of one feature: of the named tokens, those of others stay."""
    examples = Examples.of(batch, training=False)
    for representation in representations(network):
        before = representation(examples).tokens
        names = representation.token_names
        assert len(names) == representation.num_tokens == before.shape[1]
        attends = {
            name: reader.target
            for name, reader in (
                {} if representation.steps is None else representation.steps.readers
            ).items()
        }
        for feature, row in representation.ids.stored.items():
            ids = examples.ids.clone()
            ids[row] = ids[row].roll(1)
            after = representation(examples._replace(ids=ids)).tokens
            changed = {
                name
                for place, name in enumerate(names)
                if name is not None and not torch.equal(before[:, place], after[:, place])
            }
            made = {n for n, of in representation.ids.sources.items() if feature in of}
            made |= {name for name, target in attends.items() if target == feature}
            assert changed <= {feature, *made}
            if feature in names and len(set(examples.ids[row].tolist())) > 1:
                assert feature in changed
        for feature in representation.embeddings:
            vectors = {**examples.embeddings, feature: examples.embeddings[feature].roll(1, 0)}
            after = representation(examples._replace(embeddings=vectors)).tokens
            changed = (before != after).flatten(2).any(dim=2).any(dim=0)
            assert [names[place] for place in changed.nonzero().flatten()] == [feature]


def test_the_mean_of_nothing_is_no_share(network, batch):
    """A batch without a step of any sequence, and a number that is always missing."""
    empty = {
        name: type(lists)(
            keys=lists.keys(),
            values=lists.values()[:0],
            lengths=torch.zeros_like(lists.lengths()),
        )
        for name, lists in batch.id_lists.items()
    }
    missing = torch.full_like(batch.numeric, torch.nan)
    shares = attribute(
        network,
        type(batch)(
            missing,
            batch.ids,
            empty,
            batch.embeddings,
            batch.labels,
            batch.weights,
            batch.timestamps,
        ),
        0.0,
        torch.ones(1, dtype=torch.float64),
    )[1]
    assert all(bool(share.isfinite().all()) for share in shares.values())
    assert not shares["item_price"].any()


def test_an_infinite_value_takes_no_shares_of_others(network, batch):
    columns = network.schema.columns
    numbers = [name for name in network.features if isinstance(columns[name], Numeric)]
    place = numbers.index("item_price")
    numeric = batch.numeric.clone()
    numeric[5, place] = torch.nan
    entropies = torch.ones(1, dtype=torch.float64)
    expected = attribute(network, replace(batch, numeric=numeric), 0.0, entropies)[1]["item_price"]
    numeric = numeric.clone()
    numeric[5, place] = torch.inf
    shares = attribute(network, replace(batch, numeric=numeric), 0.0, entropies)[1]["item_price"]
    others = torch.arange(len(batch)) != 5
    torch.testing.assert_close(shares[others], expected[others])
    assert expected.any()

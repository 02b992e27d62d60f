"""Techniques that change how sequences are read.

Target attention, self-attention and HSTU are alternatives: the last one applied counts.
"""

from smt.space import Choice, Int
from smt.template.features import HSTU, FeatureType, SelfAttention, TargetAttention
from smt.template.technique import technique
from smt.template.template import Template

SEQUENCES: tuple[FeatureType, ...] = ("sequence", "event")
MAX_STEPS = (Int(5, 50, log=True), "most recent steps that are read")


@technique(
    part="features",
    # Towers of the decoupled paradigm do not see the item beside the history.
    paradigms=("sparsenn",),
    reads=SEQUENCES,
    hidden=(
        Int(8, 64, log=True),
        "width of the second layer that weighs a step; the first is twice as wide",
    ),
    max_steps=MAX_STEPS,
    source="Zhou et al., Deep Interest Network, KDD 2018 (arXiv:1706.06978)",
)
def target_attention(template: Template, *, hidden: int, max_steps: int) -> Template:
    """Steps weighed by how each meets the item shown (DIN)."""
    reader = TargetAttention(hidden=(2 * hidden, hidden))
    return template.change("features", sequence=reader, max_steps=max_steps)


@technique(
    part="features",
    reads=SEQUENCES,
    layers=(Int(1, 3), "transformer blocks"),
    heads=(Choice([1, 2, 4]), "of the attention, which share a step's width"),
    max_steps=MAX_STEPS,
    source="Kang and McAuley, SASRec, ICDM 2018 (arXiv:1808.09781); Vaswani et al. "
    "(arXiv:1706.03762)",
)
def self_attention_sequences(
    template: Template, *, layers: int, heads: int, max_steps: int
) -> Template:
    """Transformer blocks over the steps of a sequence."""
    reader = SelfAttention(layers=layers, heads=heads)
    return template.change("features", sequence=reader, max_steps=max_steps)


@technique(
    part="features",
    reads=SEQUENCES,
    layers=(Int(1, 3), "transduction units"),
    heads=(Choice([1, 2, 4]), "of the attention, which share a step's width"),
    time_buckets=(Int(8, 32), "of the logarithm of the time between two steps"),
    max_steps=MAX_STEPS,
    source="Zhai et al., HSTU, ICML 2024 (arXiv:2402.17152)",
)
def hstu(
    template: Template, *, layers: int, heads: int, time_buckets: int, max_steps: int
) -> Template:
    """Hierarchical sequential transduction units over the steps of a sequence."""
    reader = HSTU(layers=layers, heads=heads, time_buckets=time_buckets)
    return template.change("features", sequence=reader, max_steps=max_steps)


@technique(
    part="features",
    reads=("event",),
    age_buckets=(Int(4, 24), "of the logarithm of a step's age"),
    source="Xia et al., TransAct, KDD 2023 (arXiv:2306.00248)",
)
def event_steps(template: Template, *, age_buckets: int) -> Template:
    """What kind of event a step was, and how long ago, enters the step."""
    return template.change("features", event_steps=age_buckets)

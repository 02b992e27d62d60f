"""Techniques that change how sequences are read.

Target attention, self-attention and HSTU are alternatives: the last one applied counts.
"""

from smt.space import Choice, Int
from smt.template.features import HSTU, FeatureType, SelfAttention, TargetAttention
from smt.template.technique import Technique
from smt.template.template import Template

SEQUENCES: tuple[FeatureType, ...] = ("sequence", "event")
MAX_STEPS = Int(5, 50, log=True)
MAX_STEPS_MEANING = "most recent steps that are read"


def _target_attention(template: Template, *, hidden: int, max_steps: int) -> Template:
    reader = TargetAttention(hidden=(2 * hidden, hidden))
    return template.change("features", sequence=reader, max_steps=max_steps)


target_attention = Technique(
    name="target_attention",
    part="features",
    summary="Steps weighed by how each meets the item shown (DIN).",
    # Towers of the decoupled paradigm do not see the item beside the history.
    paradigms=("sparsenn",),
    reads=SEQUENCES,
    space={"hidden": Int(8, 64, log=True), "max_steps": MAX_STEPS},
    meanings={
        "hidden": "width of the second layer that weighs a step; the first is twice as wide",
        "max_steps": MAX_STEPS_MEANING,
    },
    change=_target_attention,
    source="Zhou et al., Deep Interest Network, KDD 2018 (arXiv:1706.06978)",
)


def _self_attention_sequences(
    template: Template, *, layers: int, heads: int, max_steps: int
) -> Template:
    reader = SelfAttention(layers=layers, heads=heads)
    return template.change("features", sequence=reader, max_steps=max_steps)


self_attention_sequences = Technique(
    name="self_attention_sequences",
    part="features",
    summary="Transformer blocks over the steps of a sequence.",
    reads=SEQUENCES,
    space={"layers": Int(1, 3), "heads": Choice([1, 2, 4]), "max_steps": MAX_STEPS},
    meanings={
        "layers": "transformer blocks",
        "heads": "of the attention, which share a step's width",
        "max_steps": MAX_STEPS_MEANING,
    },
    change=_self_attention_sequences,
    source="Kang and McAuley, SASRec, ICDM 2018 (arXiv:1808.09781); Vaswani et al. "
    "(arXiv:1706.03762)",
)


def _hstu(
    template: Template, *, layers: int, heads: int, time_buckets: int, max_steps: int
) -> Template:
    reader = HSTU(layers=layers, heads=heads, time_buckets=time_buckets)
    return template.change("features", sequence=reader, max_steps=max_steps)


hstu = Technique(
    name="hstu",
    part="features",
    summary="Hierarchical sequential transduction units over the steps of a sequence.",
    reads=SEQUENCES,
    space={
        "layers": Int(1, 3),
        "heads": Choice([1, 2, 4]),
        "time_buckets": Int(8, 32),
        "max_steps": MAX_STEPS,
    },
    meanings={
        "layers": "transduction units",
        "heads": "of the attention, which share a step's width",
        "time_buckets": "of the logarithm of the time between two steps",
        "max_steps": MAX_STEPS_MEANING,
    },
    change=_hstu,
    source="Zhai et al., HSTU, ICML 2024 (arXiv:2402.17152)",
)


def _event_steps(template: Template, *, age_buckets: int) -> Template:
    return template.change("features", event_steps=age_buckets)


event_steps = Technique(
    name="event_steps",
    part="features",
    summary="What kind of event a step was, and how long ago, enters the step.",
    reads=("event",),
    space={"age_buckets": Int(4, 24)},
    meanings={"age_buckets": "of the logarithm of a step's age"},
    change=_event_steps,
    source="Xia et al., TransAct, KDD 2023 (arXiv:2306.00248)",
)

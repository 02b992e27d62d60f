"""The techniques, by name."""

from smt.techniques.architecture import dcn_v2, layer_norm_residual_mlp
from smt.techniques.features import frequency_gated_ids, position_weighted_pooling
from smt.techniques.training import label_smoothing, lr_warmup_cosine
from smt.template.technique import Technique

catalogue: dict[str, Technique] = {
    technique.name: technique
    for technique in (
        dcn_v2,
        layer_norm_residual_mlp,
        position_weighted_pooling,
        frequency_gated_ids,
        lr_warmup_cosine,
        label_smoothing,
    )
}

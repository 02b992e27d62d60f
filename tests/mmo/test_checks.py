import pytest
from made_models import made_model

from smt.errors import InputError
from smt.mmo.checks import check_techniques, check_traffic
from smt.techniques import catalogue
from smt.template import load_version

ONE_TOWER = load_version("sparsenn_small", 1)
TWO_TOWERS = load_version("decoupled_sparsenn_small", 1)


def test_a_technique_must_fit_one_of_the_templates_not_all():
    techniques = [catalogue["target_attention"], catalogue["label_smoothing"]]
    check_techniques(techniques, [TWO_TOWERS, ONE_TOWER])
    with pytest.raises(InputError, match="'target_attention' does not fit the paradigm"):
        check_techniques(techniques, [TWO_TOWERS])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "no techniques are given"),
        (("dcn_v2", "dcn_v2"), "technique 'dcn_v2' is given twice"),
    ],
)
def test_techniques_are_given_once_each(names, message):
    with pytest.raises(InputError, match=message):
        check_techniques([catalogue[name] for name in names], [ONE_TOWER])


def test_one_of_the_models_that_a_technique_fits_must_have_traffic():
    idle, busy = made_model("idle", weight=0.0), made_model("busy")
    check_traffic({"dcn_v2": [idle, busy], "event_steps": []})
    with pytest.raises(InputError, match="that technique 'hstu' may change are zero"):
        check_traffic({"dcn_v2": [idle, busy], "hstu": [idle]})

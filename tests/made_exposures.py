"""A technique of two hyperparameters, and what a run may want exposed of it."""

from made_generalization import made_sensitivity

from smt.template import Float, Int, Technique, Template

PARENT = Template(name="t")
SPACE = {"rate": Float(1e-4, 1, log=True), "batch": Int(1, 999)}
THETA = {"rate": 0.01, "batch": 64}


def technique(change, space=SPACE, name="own"):
    return Technique(name, "training", space, change, "a test")


def rated(template, *, rate, batch):
    return template.change("training", dense_rate=rate, batch_size=batch)


def advice(domains):
    """Of a technique "own": hyperparameter -> that it is to be exposed, with this domain."""
    wanted = {
        name: made_sensitivity("expose", "models differ", domain)
        for name, domain in domains.items()
    }
    return {"own": wanted}

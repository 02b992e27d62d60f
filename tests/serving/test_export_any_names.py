"""What is exported of a model whose features and events have awkward names."""

import torch
from awkward_names import AWKWARD
from renamed import rename_log, rename_model
from served_networks import FEATURES, batches, filled, with_steps

from smt.serving import export_network, load_exported


def test_a_network_of_awkward_names_is_exported_and_loaded(small_log, small_model, tmp_path):
    events = ("click", "like")
    columns = [*FEATURES, *events, "user_interests", *small_log.schema.steps]
    awkward = (
        "class",
        "user.age",
        "type",
        'a"b',
        "\ufb01",
        "a\nb",
        "",
        "~type",
        "fi",
        "a_b",
        "a.b",
    )
    assert {*awkward} <= {*AWKWARD}
    names = dict(zip(columns, [*awkward, "None"], strict=True))
    model = small_model.model_copy(update={"features": FEATURES, "events": events})
    log, model = rename_log(small_log, names), rename_model(model, names)
    template = with_steps("sparsenn")
    network = filled(template, model, log)
    batch = batches(network, log)[0]
    report = export_network(network, template, tmp_path, batches=[batch], model="a/ü.b")
    program = load_exported(tmp_path)
    expected = torch.sigmoid(network(batch)).detach()
    torch.testing.assert_close(program(batch), expected, rtol=0, atol=1e-6)
    assert report.events == tuple(names[event] for event in events)
    assert program.inputs == report.programs["network"]

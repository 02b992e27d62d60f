import re
from pathlib import Path

from smt.data.simulator import Simulator, SimulatorSpec
from smt.fleet import ModelSpec
from smt.techniques import find_technique
from smt.template import catalogue
from smt.training import train

README = Path(__file__).parents[1] / "README.md"


def blocks():
    return re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)


def test_the_technique_of_the_readme_is_short_and_trains_a_network(tmp_path):
    example = blocks()[0]
    assert len(example.splitlines()) < 30
    file = tmp_path / "my_technique.py"
    file.write_text(example)
    technique = find_technique(f"{file}:technique")
    template = technique.apply(catalogue["sparsenn_small"], {"width": 64, "rate": 0.001})
    model = ModelSpec(
        name="m",
        stage="ranking",
        events=("click",),
        surface="all",
        data_constraint="full",
        log="simulated",
        features=("user", "item"),
    )
    outcome = train(template, model, Simulator(SimulatorSpec(rows=3000)).log())
    assert 0 < outcome.ne < 2


def test_the_search_of_the_readme_finds_the_upper_end(capsys):
    exec(blocks()[1], {})
    assert "'x': 1.0" in capsys.readouterr().out


def test_the_readme_names_files_that_exist():
    for name in re.findall(r"\]\(((?!http)[^)]+)\)", README.read_text()):
        assert (README.parent / name).exists(), name

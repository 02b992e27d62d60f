import sys
from dataclasses import dataclass

import pytest
from rich.table import Table

from smt.command_line import LOG_WIDTH, open_console, run
from smt.errors import InputError, StoppedError
from smt.training.learner import DivergedError


@dataclass(frozen=True)
class Nothing:
    """No arguments."""


@pytest.mark.parametrize(
    ("error", "code"),
    [(InputError("no a"), 2), (StoppedError("no a"), 1), (DivergedError("no a"), 1)],
)
def test_wrong_input_and_a_run_that_cannot_go_on_are_a_sentence_and_a_code_each(
    error, code, monkeypatch, capsys
):
    def main(_):
        raise error

    monkeypatch.setattr(sys, "argv", ["script"])
    with pytest.raises(SystemExit) as stop:
        run(main, Nothing)
    assert stop.value.code == code
    assert capsys.readouterr().err == "error: no a\n"


@pytest.mark.parametrize(("terminal", "width"), [(True, 72), (False, LOG_WIDTH)])
def test_a_terminal_keeps_its_width_and_a_log_gets_one_that_tables_fit_in(
    monkeypatch, terminal, width
):
    monkeypatch.setenv("COLUMNS", "72")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert open_console().width == width


def test_a_console_prints_to_standard_output(capsys):
    open_console(highlight=False).print("3 models")
    assert capsys.readouterr().out == "3 models\n"


@pytest.mark.parametrize("name", ["[bold]", "a[/b]", ":star:", "[link=x]y"])
def test_a_name_is_printed_as_it_is(capsys, name):
    console = open_console()
    table = Table(title=f"fleet {name}")
    table.add_column(f"event {name}")
    table.add_row(f"model {name}")
    console.print(table)
    console.print(f"report {name}")
    printed = capsys.readouterr().out
    assert all(f"{what} {name}" in printed for what in ("fleet", "event", "model", "report"))

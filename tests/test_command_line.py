import sys

import pytest

from smt.command_line import LOG_WIDTH, open_console


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

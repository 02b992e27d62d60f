"""The report of a run: one HTML page that opens anywhere, made from the run's files alone."""

from smt.report.write import write_report

__all__ = ["write_report"]

"""The report of a run: one HTML page that opens anywhere, made from the run's files alone."""

from smt.report.pages.generalization import write_report

__all__ = ["write_report"]

"""From a run's folder to its report."""

from smt.execution.storage import Folder
from smt.report.page import page
from smt.report.reading import read_run


def write_report(folder: Folder) -> str:
    """Write `report.html` into the folder of a finished run.

    The page is self-contained and opens offline; equal runs leave equal pages.

    Args:
        folder: Holds `result.json`, `evaluations.parquet` and `fleet.parquet`, as
            `smt.mmo.results.save` leaves them. Nothing else of it is read.

    Returns:
        The path of the page.

    Raises:
        InputError: One of these files is missing.
    """
    folder.write("report.html", page(read_run(folder)).encode())
    return folder.path("report.html")

"""From a run's folder to its report."""

from smt.report.document import write_page
from smt.report.pages.generalization import page
from smt.results.run_reading import read_run
from smt.storage import Folder


def write_report(folder: Folder) -> str:
    """Write `report.html` into the folder of a finished run.

    The page is self-contained and opens offline; equal runs leave equal pages.

    Args:
        folder: Holds `result.json`, `evaluations.parquet` and `fleet.parquet`, as
            `smt.mmo.record.save` leaves them. Nothing else of it is read.

    Returns:
        The path of the page.

    Raises:
        InputError: One of these files is missing.
    """
    return write_page(folder, page(read_run(folder)))

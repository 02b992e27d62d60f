import pyarrow as pa
import pytest

from smt.data.sources.label_drafts import draft_labels
from smt.data.sources.raw_columns import RawColumn


@pytest.mark.parametrize("one", ["1", "1.00", "+1", "true", "TRUE"])
def test_the_share_of_a_drafted_label_does_not_depend_on_how_1_is_written(one):
    column = RawColumn("click", {"f": pa.array(["0", one, "0", "0"], pa.large_string())}, None)
    draft = draft_labels({"click": column})["click"]
    assert (draft.keys, draft.remarks) == ({"kind": "event"}, ("1 in 25.00% of the rows",))

"""Names that a log may give to its columns, and that some part of a library does not expect."""

from hypothesis import strategies as st

AWKWARD = (
    *("type", "values", "keys", "items", "pop", "update", "forward", "training", "weight", "bias"),
    *("T", "_parameters", "_modules", "class", "None", "self", "import", "embedding_bags"),
    *("user.age", ".dot", "dot.", "a.b", "a_b", "a b", " a", "a/b", "../a", "a\\b", 'a"b', "a'b"),
    *("", "~", "~type", "%2E", "x@y", "a[0]", "[bold]", "{a}", "a\nb", "a\u2028b", "日本", "😀"),
    *("fi", "\ufb01", "cross__user__item", "bucket__user_age", "NO", "1e-3"),
)
NAMES = st.sampled_from(AWKWARD) | st.text(max_size=8)

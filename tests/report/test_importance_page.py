from written_page import Page

from smt.report.figures.importance import SHOWN, importance_figure
from smt.report.pages.importance import importance_page
from smt.report.terminal.importance import importance_table
from smt.results.importance import (
    ImportanceResult,
    ImportanceSettings,
    MeasuredModel,
    RankedFeature,
)
from smt.template import Template

HOSTILE = '<i>"a"</i></script>&'


def feature(name, importance):
    return RankedFeature(feature=name, importance=importance, sem=0.1, by_model={"m": importance})


RANKING = {
    "numeric": (feature("age", 1.5), feature(HOSTILE, -0.25)),
    "id": tuple(feature(f"id{place}", 2.0 - place / 10) for place in range(25)),
}
RESULT = ImportanceResult(
    fleet="made & <up>",
    templates={"sparsenn_small": Template(name="sparsenn_small")},
    model_templates={"m": "sparsenn_small"},
    settings=ImportanceSettings(method="both", repeats=2, seed=3),
    models=(MeasuredModel(model="m", events=("click",), ne=0.9, rows=1000),),
    failures={HOSTILE: "no <rows>"},
    ranking={"permutation": RANKING, "gradient": RANKING},
)


def test_every_feature_is_in_its_types_table_of_each_method():
    page = Page(importance_page(RESULT, "out/importance.parquet"))
    for method in ("permutation", "gradient"):
        assert [row[1:4] for row in page.rows(f"{method}-numeric-table")] == [
            ["age", "+1.500%", "0.100%"],
            [HOSTILE, "−0.250%", "0.100%"],
        ]
        assert len(page.rows(f"{method}-id-table")) == 25
    assert page.rows("models") == [["m", "click", "0.90000", "1,000"]]
    assert page.rows("failures") == [[HOSTILE, "no <rows>"]]
    assert page.references == []


def test_bars_are_the_first_features_from_the_top_and_a_dot_is_a_model():
    bars, dots = importance_figure(RANKING["id"]).data
    assert list(bars.x) == [2.0 - place / 10 for place in range(SHOWN)]
    assert list(bars.y) == list(range(SHOWN))
    assert list(dots.x) == list(bars.x)
    axis = importance_figure(RANKING["numeric"]).layout.yaxis
    assert axis.range[0] > axis.range[1]
    assert axis.ticktext == ("age", '&lt;i&gt;"a"&lt;/i&gt;&lt;/script&gt;&amp;')


def test_the_terminal_shows_ten_of_a_type_by_both_methods():
    table = importance_table(RESULT)
    assert table.row_count == 2 + 10
    assert [column.header for column in table.columns] == [
        "type",
        "feature",
        "permutation",
        "gradient",
    ]

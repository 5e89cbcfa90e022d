"""Curves and intervals of training runs: what is drawn is what was measured, and nobody's name is markup."""

import numpy as np
import pandas as pd
import pytest

from medgru.plots import alt_text
from medgru.plots.training import compared_curves, metric_intervals, training_curves


def epochs(members: int = 2, count: int = 4, last_count: int | None = None) -> pd.DataFrame:
    rows = []
    for member in range(members):
        for epoch in range(last_count if last_count and member == members - 1 else count):
            rows.append(
                {
                    "member": member,
                    "epoch": epoch,
                    "loss": 1 / (epoch + 1) + member,
                    "val_loss": 1.1 / (epoch + 1),
                    "auroc": 0.9 - 0.2 / (epoch + 1),
                    "auprc": 0.5,
                    "grad_norm": 0.8,
                    "learning_rate": 1e-3,
                }
            )
    return pd.DataFrame(rows)


def curves(figure) -> list:
    return [t for t in figure.data if t.mode == "lines+markers"]


def texts(figure) -> str:
    return " ".join(a.text for a in figure.layout.annotations)


def test_every_member_has_its_own_curves_and_the_last_one_stands_out():
    figure = training_curves(epochs(members=3, last_count=2))

    assert len(curves(figure)) == 3 * 6
    strong = [t for t in curves(figure) if t.opacity == 1]
    assert len(strong) == 6
    assert all(list(t.x) == [1, 2] for t in strong)


def test_a_single_epoch_is_seen_as_a_dot():
    figure = training_curves(epochs(members=1, count=1))

    assert all(t.mode == "lines+markers" and t.marker.size > 0 for t in figure.data)
    assert "1 epoch so far" in alt_text(figure)


def test_all_panels_share_the_epochs_and_the_axis_leaves_room_for_those_to_come():
    figure = training_curves(epochs(count=2), most=8)

    assert figure.layout.xaxis2.matches == "x"
    assert figure.layout.xaxis.range[1] > 8
    assert {t.xaxis for t in figure.data} == {"x", "x2"}
    assert {t.yaxis for t in figure.data} == {"y", "y2", "y3", "y4"}


def test_the_clip_is_a_line_in_the_panel_of_the_gradient():
    assert not training_curves(epochs()).layout.shapes
    clip = training_curves(epochs(), clip=1.5).layout.shapes[0]
    assert clip.y0 == clip.y1 == 1.5
    assert clip.yref == next(t.yaxis for t in curves(training_curves(epochs())) if "Gradient" in t.name)


@pytest.mark.parametrize(("multiclass", "label"), [(True, "macro AUROC"), (False, "AUROC")])
def test_means_over_classes_are_called_macro(multiclass, label):
    figure = training_curves(epochs(), multiclass=multiclass)
    assert label in texts(figure)
    assert ("macro" in alt_text(figure)) == multiclass


@pytest.mark.parametrize("draw", [training_curves, lambda none: compared_curves({"a": none})], ids=["one", "compared"])
def test_before_the_first_epoch_the_figure_says_so(draw):
    figure = draw(epochs().head(0))
    assert "Curves grow here" in texts(figure)
    assert alt_text(figure)


def test_pale_curves_have_a_word_and_only_where_there_are_any():
    assert "pale: earlier networks" in training_curves(epochs(members=2)).layout.xaxis.title.text
    assert training_curves(epochs(members=1)).layout.xaxis.title.text == "epoch"
    assert "pale: each network" in compared_curves({"a": epochs(members=2)}).layout.xaxis.title.text


@pytest.mark.parametrize(("rate", "form"), [(2e-3, None), (4e-11, ".1e")])
def test_tiny_learning_rates_are_written_with_an_exponent(rate, form):
    axis = training_curves(epochs().assign(learning_rate=rate)).layout.yaxis4
    assert axis.tickformat == form


def test_unknown_numbers_are_left_out_of_the_curve_and_of_the_words():
    gap = epochs().assign(auroc=np.nan)
    figure = training_curves(gap)
    assert all(np.isnan(t.y).all() for t in curves(figure) if "AUROC" in t.name)
    assert "highest AUROC unknown" in alt_text(compared_curves({"a": gap}))


def test_compared_runs_have_a_colour_each_and_their_mean_is_strong():
    figure = compared_curves({"one": epochs(members=2, last_count=3), "two": epochs(members=1)})

    strong = [t for t in curves(figure) if t.opacity == 1]
    assert len(strong) == 2 * 4
    assert len({t.line.color for t in strong}) == 2
    training = next(t for t in strong if t.name == "one" and t.yaxis == "y2")
    assert list(training.x) == [1, 2, 3]  # as far as both members were trained
    assert training.y[0] == pytest.approx(1.5)


def test_more_runs_than_colours_differ_in_their_dashes():
    figure = compared_curves({f"run {i}": epochs(members=1) for i in range(8)})
    looks = {(t.line.color, t.line.dash) for t in curves(figure)}
    assert len(looks) == 8


def test_a_run_of_any_name_is_only_text():
    name = "<b>bold</b><a href='x'>"
    figures = [
        compared_curves({name: epochs()}),
        metric_intervals({name: {"AUROC": {"value": 0.8, "low": 0.7, "high": 0.9}}}),
    ]
    for figure in figures:
        assert "<a href" not in figure.to_json().replace(alt_text(figure), "")


def test_intervals_are_drawn_from_low_to_high_and_written_beside_their_dot():
    figure = metric_intervals(
        {
            "ours": {
                "AUROC": {"value": 0.84, "low": 0.8, "high": 0.88},
                "ECE": {"value": 0.03, "low": None, "high": None},
            },
            "trees": {"AUROC": {"value": 0.8, "low": 0.76, "high": 0.84}, "ECE": {"value": None}},
        },
        emphasised=["ours"],
    )

    lines = [t for t in figure.data if t.mode == "lines" and t.xaxis == "x"]
    assert [list(t.x) for t in lines] == [[0.8, 0.88], [0.76, 0.84]]
    assert lines[0].line.color != lines[1].line.color
    assert "0.840 [0.800, 0.880]" in texts(figure)
    assert "0.030" in texts(figure)
    assert "AUPRC" not in texts(figure)  # nobody has it
    assert "AUROC of trees 0.800 [0.760, 0.840]" in alt_text(figure)


def test_without_any_figure_the_intervals_say_so():
    assert "nothing measured yet" in alt_text(metric_intervals({}))


@pytest.mark.parametrize(
    "figure",
    [training_curves(epochs(), clip=1.0), compared_curves({"a": epochs()}), metric_intervals({})],
    ids=["one", "compared", "intervals"],
)
def test_grounds_are_transparent_and_text_takes_the_themes_colour(figure):
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0, 0, 0, 0)"
    assert all(a.font.color is None for a in figure.layout.annotations)

"""What the card of a model that a user trained says of her data, and does not say of anybody else's."""

from dataclasses import replace

import numpy as np
import pytest

from medgru.bundle import describe_bundle
from medgru.data.labelled import LabelledStays
from medgru.settings import PROJECT_ROOT
from medgru.tasks import Columns
from medgru.training.card import write_run_card

SHIPPED = PROJECT_ROOT / "models" / "icu-mortality"
FIGURES = {"AUROC": {"value": 0.8, "low": 0.7, "high": 0.9}}
UNSEEN = {"stays": 8, "shipped": {"stays": 8, **FIGURES}, "others": {}}


def result(stays: LabelledStays) -> dict:
    return {
        "data": {"name": stays.name, "stays": len(stays), "patients": 30},
        "held_out": {"stays": 8},
        "plan": {"network": {"core": "gru-d"}},
        "members": [{}, {}],
        "date": "2026-11-23",
        "warnings": [],
    }


@pytest.fixture
def ward(random_recordings) -> LabelledStays:
    """Forty stays of the shipped task in which only heart rate and temperature were measured, and no height."""
    all_of_it = random_recordings(stays=40)
    names = [f.name for f in all_of_it.task.features]
    kept = np.isin(all_of_it.feature, [names.index("HR"), names.index("Temp")])
    statics = all_of_it.statics.copy()
    statics[:, 2] = np.nan
    few = {name: getattr(all_of_it, name)[kept] for name in ("stay", "hours", "feature", "value")}
    return LabelledStays("1 file", replace(all_of_it, **few, statics=statics), (np.arange(40) % 4 == 0) * 1, "ab")


def test_a_ward_of_ones_own_is_not_described_as_the_patients_of_the_shipped_model(ward):
    card = write_run_card(ward, UNSEEN, result(ward))

    for untrue in ("MIMIC", "United States", "37 series", "PhysioNet", "Apache", "GRU-D (Che", "set A"):
        assert untrue not in card
    for said in (
        "40 stays of 30 patients",
        "32 stays were for training and calibration, 8 were held out",
        "Survived to discharge: 30 (75 %); Died in hospital: 10 (25 %)",
        "Followed over time: Died in hospital",
        "Measured in these data: 2 of 37",
        "2 of the kind GRU-D, trained from scratch",
        "## Intended use",
        "mixes how ill a patient was",
        "Attention says where the network looked, not why",
        "the model abstains",
    ):
        assert said in card
    assert "Never: `Height`." in card
    assert "`Heart rate` (" in card.split("Never:")[0]


def test_a_model_that_began_from_a_shipped_one_hands_on_its_licence_also_over_two_steps(ward):
    shipped = describe_bundle(SHIPPED)
    card = write_run_card(ward, UNSEEN, result(ward), shipped)
    again = write_run_card(ward, UNSEEN, result(ward), replace(shipped, id="second", card=card))

    for text, origin in ((card, "icu-mortality"), (again, "second")):
        assert f"trained from the model `{origin}`" in text
        assert f"These weights began as those of `{origin}`" in text
        assert text.count("These weights began") == 1
        assert "Apache-2.0" in text
        assert "Goldberger" in text
        assert "MIMIC" not in text


def test_the_card_of_the_shipped_model_still_says_all_of_the_task(task):
    assert (SHIPPED / "README.md").read_text(encoding="utf-8").endswith(task.card)


def test_the_card_of_an_own_task_says_how_its_table_was_read(ward_recordings, own_ward):
    columns = Columns("Bett", "Zeit `x`", "minutes", label="Verlauf", patient="Name_ID")
    recordings = replace(ward_recordings(stays=20), task=replace(own_ward, columns=columns))
    note = "The label changes within 3 stays: the last label in time was taken."
    stays = LabelledStays("1 file", recordings, np.arange(20) % 3, "ab", notes=(note,))

    card = write_run_card(stays, UNSEEN, result(stays))

    for said in (
        "gut: 7 (35 %); mittel: 7 (35 %); schlecht: 6 (30 %)",
        "Followed over time: schlecht",
        "- Stay: `Bett`",
        "- Time: `Zeit 'x'` in minutes",
        "- Outcome: `Verlauf`",
        "- Patient: `Name_ID`",
        "`体温` (100 %)",
        "12 steps from the start of a stay; one step: row",
        note,
    ):
        assert said in card

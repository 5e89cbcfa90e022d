"""Outcome files that are not what they should be stop training with a sentence."""

import pytest

from medgru.errors import TrainingError
from medgru.tasks.icu_mortality import ICU_MORTALITY
from medgru.training.public_data import read_labelled

STAY = "Time,Parameter,Value\n00:00,RecordID,{id}\n00:00,Age,60\n01:00,HR,80\n"


@pytest.mark.parametrize(
    ("outcomes", "sentence"),
    [
        ("", "not the outcome file"),
        ("RecordID,SOFA\n1,3\n", "In-hospital_death"),
        ("RecordID,In-hospital_death\n1,perhaps\n2,0\n", "not the outcome file"),
        ("RecordID,In-hospital_death\n1,0\n", "1 records are in only one"),
        ("RecordID,In-hospital_death\n1,0\n2,1\n3,1\n", "1 records are in only one"),
    ],
    ids=["empty", "no outcome", "text for an outcome", "a stay without outcome", "an outcome without stay"],
)
def test_damaged_outcomes_are_named(tmp_path, outcomes, sentence):
    (tmp_path / "set-a").mkdir()
    for number in (1, 2):
        (tmp_path / "set-a" / f"{number}.txt").write_text(STAY.format(id=number))
    (tmp_path / "Outcomes-a.txt").write_text(outcomes)
    with pytest.raises(TrainingError, match=sentence):
        read_labelled(ICU_MORTALITY, tmp_path, ["a"])

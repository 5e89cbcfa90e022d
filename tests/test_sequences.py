"""The hourly grid: causal, order-free, exact about what was measured."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medgru.data.recording import Recordings
from medgru.errors import BundleError
from medgru.sequences import Preprocessor
from medgru.tasks import get_task

TASK = get_task("icu-mortality")
IDENTITY = Preprocessor(
    TASK,
    mean=(0.0,) * len(TASK.features),
    scale=(1.0,) * len(TASK.features),
    low=(-1e6,) * len(TASK.features),
    high=(1e6,) * len(TASK.features),
    static_mean=(0.0,) * len(TASK.statics),
    static_scale=(1.0,) * len(TASK.statics),
)
HR, TEMP, URINE = (TASK.feature_index[name] for name in ("HR", "Temp", "Urine"))


def one_stay(rows: list[tuple[float, int, float]]) -> Recordings:
    """A stay from (hours, feature, value) rows."""
    return Recordings(
        task=TASK,
        record_ids=("a",),
        stay=np.zeros(len(rows), dtype=np.int32),
        hours=np.array([r[0] for r in rows], dtype=np.float32),
        feature=np.array([r[1] for r in rows], dtype=np.int16),
        value=np.array([r[2] for r in rows], dtype=np.float32),
        statics=np.full((1, len(TASK.statics)), np.nan, dtype=np.float32),
    )


@pytest.mark.parametrize(("hours", "cell"), [(0.0, 0), (0.5, 0), (1.0, 0), (1.01, 1), (47.99, 47), (48.0, 47)], ids=str)
def test_a_value_measured_at_hour_t_is_known_at_hour_t_and_not_before(hours, cell):
    stay = IDENTITY(one_stay([(hours, HR, 80.0)]))
    assert stay.mask[0, :, HR].nonzero().flatten().tolist() == [cell]
    assert stay.lengths.tolist() == [cell + 1]


def test_values_within_one_hour_become_their_mean_and_urine_its_sum():
    urine = np.log1p(100.0)
    stay = IDENTITY(one_stay([(2.2, HR, 80), (2.8, HR, 90), (2.1, URINE, 40), (2.9, URINE, 60)]))
    assert stay.x[0, 2, HR] == 85
    assert stay.x[0, 2, URINE] == pytest.approx(urine)


rows = st.lists(
    st.tuples(
        st.floats(0, 48, width=32), st.sampled_from([HR, TEMP, URINE]), st.floats(30, 45, width=32, allow_nan=False)
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(rows=rows, seed=st.integers(0, 1000))
def test_the_order_of_rows_changes_nothing_to_the_last_bit(rows, seed):
    shuffled = [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))]
    a, b = IDENTITY(one_stay(rows)), IDENTITY(one_stay(shuffled))
    assert torch.equal(a.x, b.x)
    assert torch.equal(a.mask, b.mask)


@settings(max_examples=60, deadline=None)
@given(rows=rows, hour=st.integers(1, 48))
def test_removing_what_came_after_hour_t_leaves_the_first_t_hours_as_they_were(rows, hour):
    earlier = [r for r in rows if r[0] <= hour]
    whole, cut = IDENTITY(one_stay(rows)), IDENTITY(one_stay(earlier))
    known = min(hour, int(whole.lengths[0]))
    padded = torch.zeros(1, known, len(TASK.features))
    padded[:, : cut.x.shape[1]] = cut.x[:, :known]
    assert torch.equal(whole.x[:, :known], padded)


def test_padding_is_at_the_end_and_holds_nothing(random_recordings):
    recordings = random_recordings(stays=4)
    short = dataclasses.replace(
        recordings, hours=np.where(recordings.stay == 1, recordings.hours / 10, recordings.hours)
    )
    batch = Preprocessor.fit(short)(short)
    assert batch.lengths[1] <= 5
    assert not batch.mask[1, batch.lengths[1] :].any()
    assert batch.x[1, batch.lengths[1] :].eq(0).all()


def test_unmeasured_cells_and_unknown_descriptors_are_zero_and_masked(random_recordings):
    recordings = random_recordings(stays=5)
    batch = Preprocessor.fit(recordings)(recordings)
    assert batch.x[~batch.mask].eq(0).all()
    assert batch.statics[~batch.statics_mask].eq(0).all()
    assert (~batch.statics_mask).any()


def test_a_stay_scores_the_same_alone_and_in_a_crowd(random_recordings):
    recordings = random_recordings(stays=6)
    fitted = Preprocessor.fit(recordings)
    crowd, alone = fitted(recordings), fitted(recordings.select(["stay-3"]))
    hours = int(alone.lengths[0])
    assert torch.equal(crowd.x[3, :hours], alone.x[0])


def test_standardised_training_values_have_mean_zero_and_spread_one(random_recordings):
    recordings = random_recordings(stays=200, rows=200)
    batch = Preprocessor.fit(recordings)(recordings)
    values = batch.x[..., HR][batch.mask[..., HR]]
    assert abs(values.mean()) < 0.02
    assert abs(values.std() - 1) < 0.05


def test_the_preprocessor_survives_its_json_form(random_recordings):
    fitted = Preprocessor.fit(random_recordings(stays=20))
    assert Preprocessor.from_config(fitted.to_config(), TASK) == fitted


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: c["features"].pop(),
        lambda c: c["mean"].pop(),
        lambda c: c["scale"].__setitem__(0, "1"),
        lambda c: c["low"].__setitem__(0, float("nan")),
        lambda c: c.pop("static_mean"),
    ],
    ids=["feature missing", "too few means", "text for a number", "not finite", "no static mean"],
)
def test_a_damaged_preprocess_json_is_refused(random_recordings, damage):
    config = Preprocessor.fit(random_recordings()).to_config()
    damage(config)
    with pytest.raises(BundleError, match=r"preprocess\.json"):
        Preprocessor.from_config(config, TASK)


def test_stays_of_another_task_are_refused(random_recordings):
    other = dataclasses.replace(TASK, name="other")
    with pytest.raises(BundleError, match="read for other"):
        IDENTITY(dataclasses.replace(random_recordings(), task=other))


def test_a_batch_can_be_cut_to_some_of_its_stays(random_recordings):
    batch = IDENTITY(random_recordings(stays=4, hours=20.0))
    part = batch[[2, 0]]
    assert len(part) == 2
    assert torch.equal(part.statics, batch.statics[[2, 0]])
    assert part.x.shape[1] == int(batch.lengths[[2, 0]].max())

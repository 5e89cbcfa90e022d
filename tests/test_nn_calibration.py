import pytest
import torch

from medgru.errors import BundleError
from medgru.nn import Calibrator
from medgru.training.calibration import fit_calibrator

CONFIG = {"knots": [1, 6, 12], "scale": [0.5, 1.0, 2.0], "shift": [[0.0, 1.0], [0.0, 0.0], [0.0, -1.0]]}


def test_at_a_fixed_hour_a_higher_logit_is_a_higher_probability():
    calibrate = Calibrator.from_config(CONFIG)
    logits = torch.zeros(1, 50, 12, 2)
    logits[0, :, :, 1] = torch.linspace(-6, 6, 50)[:, None]

    y_prob = calibrate(logits)

    assert y_prob[..., 1].diff(dim=0).gt(0).all()
    torch.testing.assert_close(y_prob.sum(-1), torch.ones(50, 12))


def test_scale_and_shift_change_linearly_between_knots_and_stay_after_the_last():
    weights = Calibrator.from_config(CONFIG).weights(torch.tensor([1, 2, 6, 9, 12, 40]))

    expected = [[1, 0, 0], [0.8, 0.2, 0], [0, 1, 0], [0, 0.5, 0.5], [0, 0, 1], [0, 0, 1]]
    torch.testing.assert_close(weights, torch.tensor(expected))


def test_hours_may_be_given_for_each_stay():
    calibrate = Calibrator.from_config(CONFIG)
    logits = torch.randn(3, 4, 12, 2, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([1, 5, 9, 12])
    last = logits[:, torch.arange(4), lengths - 1][:, :, None]

    torch.testing.assert_close(calibrate(last, lengths[:, None])[:, 0], calibrate(logits)[torch.arange(4), lengths - 1])


def test_the_identity_is_the_softmax_of_the_mean():
    logits = torch.randn(3, 4, 6, 5, generator=torch.Generator().manual_seed(0))

    torch.testing.assert_close(Calibrator.identity(5)(logits), logits.mean(0).softmax(-1))


def test_a_calibrator_survives_being_written_and_read():
    assert Calibrator.from_config(CONFIG).to_config() == CONFIG


def test_fitting_undoes_a_known_distortion():
    g = torch.Generator().manual_seed(0)
    truth = torch.randn(4000, 1, generator=g) * 1.5 - 1
    y_true = (torch.rand(4000, generator=g) < truth[:, 0].sigmoid()).long()
    overconfident = torch.stack([torch.zeros(4000, 8), (truth * 2 + 1).expand(-1, 8)], dim=2)

    calibrator = fit_calibrator(overconfident, torch.full((4000,), 8), y_true, knots=(1, 8))

    torch.testing.assert_close(calibrator.scale, torch.full((2,), 0.5), rtol=0, atol=0.06)
    torch.testing.assert_close(calibrator.shift[:, 1], torch.full((2,), -0.5), rtol=0, atol=0.12)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"scale": [1.0, -1.0, 1.0]}, "scale must be positive"),
        ({"scale": [1.0, float("nan"), 1.0]}, "scale must be positive"),
        ({"scale": [1.0]}, "one entry a knot"),
        ({"shift": [[0.0, float("inf")]] * 3}, "shift finite"),
        ({"shift": "x"}, "must be numbers"),
        ({"knots": [6, 1, 12]}, "rising hours"),
        ({"knots": None}, "must be numbers"),
    ],
)
def test_a_damaged_calibration_is_refused(change, says):
    with pytest.raises(BundleError, match=says):
        Calibrator.from_config(CONFIG | change)

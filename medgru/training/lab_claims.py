"""The classic claims on recurrent networks, and what a run of the lab has to say on each.

A claim on ranking is judged by one interval of the difference in AUROC that covers two sources of chance:
other patients (paired bootstrap of the seeds' averaged predictions) and other seeds (Welch's interval of the
difference of the seeds' means). Only what lies beyond both is called held, or not held.
Shapes: S seeds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

HELD, NOT_HELD, UNKNOWN = "held", "did not hold", "cannot be told here"
OUTCOMES = (HELD, NOT_HELD, UNKNOWN)
_ABSENT = ""
"""Not said: a model that the claim is about was not compared."""

MARGIN = 0.01
"""Difference in AUROC that is worth a word: smaller ones count as equal."""


@dataclass(frozen=True)
class Interval:
    """A difference, or a ratio, with the ends between which it may as well lie."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Standing:
    """What a model showed.

    Attributes:
        label: Its name on the screen.
        auroc: Of each seed's network, (S,); one entry for a model without chance in its training.
        validation: The same on the stays set apart, mean over the seeds; NaN where it has none.
        is_network: Whether it is a network.
        core_parameters: Of its recurrent core; None where it has none.
        pace: Seconds of an epoch in each of the alternating rounds; empty where not measured.
    """

    label: str
    auroc: tuple[float, ...]
    validation: float = float("nan")
    is_network: bool = True
    core_parameters: int | None = None
    pace: tuple[float, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """A claim, one of `OUTCOMES`, and the numbers behind it in a sentence."""

    claim: str
    outcome: str
    sentence: str


Compare = Callable[[str, str], Interval]
"""Difference in AUROC of two models' averaged predictions, first minus second, over the same patients."""


def judge_better(difference: Interval) -> str:
    """Whether the first is better: held where surely above 0, not held where surely below `MARGIN`."""
    if difference.low > 0:
        return HELD
    return NOT_HELD if difference.high < MARGIN else UNKNOWN


def judge_as_good(difference: Interval) -> str:
    """Whether the first is not worse by `MARGIN`: not held where it is surely worse."""
    if difference.low > -MARGIN:
        return HELD
    return NOT_HELD if difference.high < 0 else UNKNOWN


def judge_faster(ratio: Interval) -> str:
    """Whether a ratio of times is below 1 beyond its spread."""
    if ratio.high < 1:
        return HELD
    return NOT_HELD if ratio.low > 1 else UNKNOWN


def widened(patients: Interval, a: tuple[float, ...], b: tuple[float, ...]) -> Interval | None:
    """The interval over patients widened to that over seeds as well; None where no spread over seeds is known."""
    counts = [len(v) for v in (a, b)]
    freedom = sum(n - 1 for n in counts)
    if freedom < 1:
        return None
    from scipy.stats import t

    value = float(np.mean(a) - np.mean(b))
    error = float(np.sqrt(sum(np.var(v, ddof=1) / n for v, n in zip((a, b), counts, strict=True) if n > 1)))
    reach = float(t.ppf(0.975, freedom)) * error
    return Interval(value, min(patients.low, max(value - reach, -1.0)), max(patients.high, min(value + reach, 1.0)))


def ratio_of_rounds(a: tuple[float, ...], b: tuple[float, ...]) -> Interval:
    """Median and quartiles of a's time to b's in the same round."""
    ratios = np.asarray(a) / np.asarray(b)
    return Interval(*(float(v) for v in np.percentile(ratios, [50, 25, 75])))


def verdicts(
    models: Mapping[str, Standing],
    compare: Compare,
    missing: float,
    why_speed: str = "",
    reasons: Mapping[str, str] | None = None,
) -> tuple[Verdict, ...]:
    """The claims about models that were trained, or left out for a reason, in order.

    Args:
        models: Those that were trained, by name (`LAB_MODELS`).
        compare: Differences over the test patients.
        missing: Share of hours and variables without a measurement.
        why_speed: Why the LSTM may be the faster one here, a sentence.
        reasons: Why models were left out, by name.
    """
    jury = _Jury(models, compare, reasons or {})
    network = _best_network(models)
    speaker = ""
    if network:
        speaker = f" {models[network].label} stands for the networks, as it was best on the stays set apart."
    judged = (
        jury.as_good("The GRU ranks as well as the LSTM", "gru", "lstm"),
        jury.parameters("The GRU's core needs 3/4 of the LSTM's parameters", "gru", "lstm", Fraction(3, 4)),
        jury.faster("The GRU trains faster than the LSTM", "gru", "lstm", why_speed),
        jury.better("Gates beat the plain RNN", "gru", "rnn"),
        jury.better("Stacking two layers helps", "gru-2", "gru"),
        jury.better("Reading both ways helps", "gru-bi", "gru"),
        jury.better("Additive attention helps", "gru-additive", "gru"),
        jury.better("Dot-product attention helps", "gru-dot", "gru"),
        jury.better(f"GRU-D's decay helps, with {100 * missing:.0f} % of the values missing", "gru-d", "gru"),
        jury.better("The networks beat boosted trees", network, "trees", speaker),
        jury.better("The networks beat logistic regression", network, "linear", speaker),
    )
    return tuple(verdict for verdict in judged if verdict.outcome != _ABSENT)


@dataclass(frozen=True)
class _Jury:
    """Who was trained, and what judges a pair of them."""

    models: Mapping[str, Standing]
    compare: Compare
    reasons: Mapping[str, str]

    def better(self, claim: str, a: str, b: str, remark: str = "") -> Verdict:
        """Whether a ranks better than b."""

        def words(outcome: str, difference: Interval) -> str:
            if outcome == HELD:
                return f"{self.models[a].label} ranked better"
            if difference.high < 0:
                return f"{self.models[a].label} ranked worse"
            return f"Any gain is below {MARGIN:g}" if outcome == NOT_HELD else "The difference is within chance"

        return self._on_ranking(claim, a, b, judge_better, words, remark)

    def as_good(self, claim: str, a: str, b: str) -> Verdict:
        """Whether a ranks no worse than b."""

        def words(outcome: str, difference: Interval) -> str:
            if outcome == HELD:
                return f"{self.models[a].label} is not worse by {MARGIN:g} or more"
            return f"{self.models[a].label} ranked worse" if outcome == NOT_HELD else "The difference is within chance"

        return self._on_ranking(claim, a, b, judge_as_good, words)

    def parameters(self, claim: str, a: str, b: str, expected: Fraction) -> Verdict:
        """Whether a's core has exactly that share of b's parameters."""
        if absent := self._absent(claim, a, b):
            return absent
        own, other = self.models[a].core_parameters, self.models[b].core_parameters
        if not own or not other:
            return Verdict(claim, UNKNOWN, "The parameters were not counted.")
        share = Fraction(own, other)
        outcome = HELD if share == expected else NOT_HELD
        return Verdict(claim, outcome, f"Counted: {own:,} against {other:,}, which is {share} exactly.")

    def faster(self, claim: str, a: str, b: str, why_not: str) -> Verdict:
        """Whether an epoch of a takes less time than one of b."""
        if absent := self._absent(claim, a, b):
            return absent
        own, other = self.models[a].pace, self.models[b].pace
        if not own or len(own) != len(other):
            return Verdict(claim, UNKNOWN, "The time was not measured in rounds in which they took turns.")
        ratio = ratio_of_rounds(own, other)
        outcome = judge_faster(ratio)
        said = (
            f"An epoch of {self.models[a].label} took {ratio.value:.2f} times as long as one of "
            f"{self.models[b].label} (quartiles {ratio.low:.2f} to {ratio.high:.2f} over {len(own)} rounds in which "
            "they took turns)."
        )
        return Verdict(claim, outcome, f"{said} {why_not}".strip() if outcome == NOT_HELD else said)

    def _on_ranking(
        self,
        claim: str,
        a: str,
        b: str,
        judge: Callable[[Interval], str],
        words: Callable[[str, Interval], str],
        remark: str = "",
    ) -> Verdict:
        if absent := self._absent(claim, a, b):
            return absent
        one, other = self.models[a], self.models[b]
        numbers = f"AUROC {np.mean(one.auroc):.3f} against {np.mean(other.auroc):.3f} ({other.label})"
        difference = widened(self.compare(a, b), one.auroc, other.auroc)
        if difference is None:
            return Verdict(
                claim,
                UNKNOWN,
                f"{numbers}, but from a single seed nobody can tell how far chance in training moves them. "
                "Train with 3 seeds or more.",
            )
        outcome = judge(difference)
        interval = f"[{_signed(difference.low)}, {_signed(difference.high)}]"
        said = f"{words(outcome, difference)}: {numbers}, difference {_signed(difference.value)} {interval}.{remark}"
        return Verdict(claim, outcome, said)

    def _absent(self, claim: str, *names: str) -> Verdict | None:
        missing = [name for name in names if name not in self.models]
        if not missing:
            return None
        reason = next((self.reasons[name] for name in missing if name in self.reasons), "")
        return Verdict(claim, UNKNOWN if reason else _ABSENT, reason)


def _best_network(models: Mapping[str, Standing]) -> str:
    """The network that was best on the stays set apart: chosen without a look at the test patients."""
    known = {name: m.validation for name, m in models.items() if m.is_network and np.isfinite(m.validation)}
    return max(known, key=lambda name: known[name]) if known else ""


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")

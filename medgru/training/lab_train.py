"""Train one model of the lab with one seed, and measure how long an epoch takes.

Shapes: B stays, C classes, T hours (padded), M members.
"""

import hashlib
import json
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medgru import __version__
from medgru.data.labelled import LabelledStays
from medgru.errors import TaskError, TrainingError
from medgru.nn import Network, build_network, check_causal
from medgru.sequences import Preprocessor, Sequences
from medgru.training.baselines import boosted_trees, logistic_regression, summary_tables
from medgru.training.calibration import fit_calibrator
from medgru.training.config import Recipe, RunConfig
from medgru.training.inputs import TrainingInputs
from medgru.training.lab_models import LabModel
from medgru.training.lab_store import Attempt, LabStore
from medgru.training.loop import Fit, Fitted, Place, last_logits
from medgru.training.plans import network_config
from medgru.training.progress import Reporter, Stopped
from medgru.training.splits import LEAST_TO_PART, Patients, held_out, label_problems, patients_of

_CHUNK = 256  # stays scored at once
_FINAL = (1, 2)  # knots of a calibrator that is only asked about the first: the final answer


def parting_problems(train: LabelledStays, who: Patients) -> list[str]:
    """Why those training stays cannot be parted once more, into stays to learn from and stays set apart."""
    labels = [o.label for o in train.recordings.task.outcomes]
    return label_problems(who.label(train.y_true), len(labels), LEAST_TO_PART, labels)


class Bench:
    """What all models of a lab share: stays, the part set apart, settings.

    Attributes:
        task: Of the stays.
        event: Class that is followed where there are two.
        config: Settings that the networks share.
        train, apart: Indices of the training stays to learn from, and of those set apart.
        y_test, test_patients: Classes of the test stays, (B,), and whose they are; None where each is another's.
        train_name, test_name: What the stays are called.
        missing: Share of cells (hour and variable) of the training stays without a measurement.
        digest: Changes with the data, the settings and the version of MedGRU.

    Raises:
        TrainingError: One class only, or too few patients of one to set any apart.
    """

    def __init__(self, train: LabelledStays, test: LabelledStays, config: RunConfig, apart_share: float) -> None:
        self.task = train.recordings.task
        self.event = self.task.event_index
        self.config = config
        who = patients_of(train)
        if problems := parting_problems(train, who):
            raise TrainingError(" ".join(problems))
        known, apart = held_out(train, apart_share, who)
        self.train, self.apart = torch.from_numpy(known), torch.from_numpy(apart)
        preprocessor = Preprocessor.fit(train.recordings)
        self.sequences, self.test_sequences = preprocessor(train.recordings), preprocessor(test.recordings)
        self.y_train, self.y_test = torch.from_numpy(train.y_true), test.y_true
        self.test_patients = test.patients or None
        self.train_name, self.test_name = train.name, test.name
        self.missing = _missing(self.sequences)
        self.digest = _digest(train, test, config)
        self._recordings = train.recordings, test.recordings
        self._summaries: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
        self._inputs: dict[tuple[str, bool], TrainingInputs] = {}

    def refuses(self, model: LabModel) -> str:
        """Why that model is left out here, in a sentence; empty where it is not."""
        if not model.is_network:
            return ""
        try:
            check_causal(self._config(model), self.task)
        except TaskError as error:
            return str(error)
        return ""

    def attempt(
        self, model: LabModel, seed: int, number: int, of: int, seeds: int, reporter: Reporter, store: LabStore
    ) -> Attempt:
        """Train that model with that seed and answer the test stays.

        Args:
            model, seed: Which.
            number, of: Which of how many trainings this is, from 0; for what is reported.
            seeds: How many there are of this model.
            reporter: Told of every epoch, asked before every batch whether to stop.
            store: Where the network in training is kept.

        Raises:
            Stopped: The reporter wanted so; the network in training was kept.
        """
        stage = f"{model.label}, seed {seed + 1} of {seeds}" if model.varies else model.label
        reporter.stage(stage)
        if not model.is_network:
            return Attempt(model.name, seed, self._on_summaries(model, seed))
        epochs = self.config.recipe.epochs
        place = Place(stage, number, number * epochs, of * epochs)
        network = self._network(model, self.config.seed + seed)
        parameters, of_core = count(network), core_parameters(network)
        try:
            fit = self._fit(model, network, self.config.seed + seed, place, self.config.recipe)
            fitted = _resumed(fit, f"{model.name}-{seed}", reporter, store)
        except TrainingError as error:
            nothing = np.zeros((0, len(self.task.outcomes)), dtype=np.float32)
            return Attempt(model.name, seed, nothing, note=f"Seed {seed + 1}: {error}")
        best = fitted.history[fitted.best_epoch]
        return Attempt(
            model.name,
            seed,
            self._answers(fitted.network, self._data(model, fitted.network)),
            seconds=tuple(e.seconds for e in fitted.history),
            validation=best.auroc,
            best_epoch=fitted.best_epoch + 1,
            parameters=parameters,
            core_parameters=of_core,
        )

    def pace(self, models: list[LabModel], rounds: int, reporter: Reporter, store: LabStore) -> dict[str, list[float]]:
        """Seconds of one epoch of each network on the same stays, in rounds in which they take turns.

        Each round begins with another model, so that neither the machine's other work nor the place in the
        round favours one of them.

        Raises:
            Stopped: The reporter wanted so; complete rounds were kept.
        """
        done = [r for r in store.rounds() if set(r) == {m.name for m in models}]
        recipe = replace(self.config.recipe, epochs=1)
        while models and len(done) < rounds:
            reporter.stage(f"Measuring the speed, round {len(done) + 1} of {rounds}")
            start = len(done) % len(models)
            took: dict[str, float] = {}
            for model in (*models[start:], *models[:start]):
                if reporter.should_stop():
                    raise Stopped
                fit = self._fit(model, self._network(model, 0), 0, Place(), recipe)
                took[model.name] = fit.run(_Quiet(reporter)).history[0].seconds
            done.append(took)
            store.save_rounds(done)
        return {m.name: [r[m.name] for r in done] for m in models}

    def _config(self, model: LabModel) -> dict:
        return network_config(self.task, model.settings(self.config)) | {"members": 1}

    def _network(self, model: LabModel, seed: int) -> Network:
        torch.manual_seed(seed)
        network = build_network(self._config(model))
        network.fit_scales(*(t[self.train] for t in (self.sequences.x, self.sequences.mask, self.sequences.lengths)))
        return network

    def _data(self, model: LabModel, network: Network) -> TrainingInputs:
        key = (type(network).__name__, bool(network.settings.summary_size))
        if key not in self._inputs:
            self._inputs[key] = TrainingInputs(network, self.sequences)
        return self._inputs[key]

    def _fit(self, model: LabModel, network: Network, seed: int, place: Place, recipe: Recipe) -> Fit:
        data, event = self._data(model, network), self.event
        return Fit(data, self.y_train, self.train, self.apart, network, recipe, seed, event=event, place=place)

    def _answers(self, network: Network, data: TrainingInputs) -> NDArray[np.float32]:
        """Calibrated probabilities of the test stays at their last hour, (B, C)."""
        apart = last_logits(network, data, self.apart).mean(dim=0)
        ones = torch.ones(len(apart), dtype=torch.int64)
        calibrator = fit_calibrator(apart[:, None], ones, self.y_train[self.apart], knots=_FINAL)
        logits = _final_logits(network, self.test_sequences)
        return calibrator(logits[:, :, None])[:, 0].float().numpy()

    def _on_summaries(self, model: LabModel, seed: int) -> NDArray[np.float32]:
        if self._summaries is None:
            self._summaries = summary_tables(*self._recordings)
        known, new = self._summaries
        own_seed = self.config.seed + seed
        judge = logistic_regression(own_seed, len(known)) if model.name == "linear" else boosted_trees(own_seed)
        fitted = judge.fit(known, self.y_train.numpy())
        y_prob = np.zeros((len(new), len(self.task.outcomes)), dtype=np.float32)
        y_prob[:, fitted.classes_] = fitted.predict_proba(new)
        return y_prob


class _Quiet(Reporter):
    """Passes the wish to stop on, and says nothing: the speed trial has no epochs to show."""

    def __init__(self, reporter: Reporter) -> None:
        self.should_stop = reporter.should_stop  # type: ignore[method-assign]


def _resumed(fit: Fit, name: str, reporter: Reporter, store: LabStore) -> Fitted:
    """Train to the end, from where an earlier try was stopped if there is one."""
    if store.checkpoints is None:
        return fit.run(reporter)
    checkpoints = store.checkpoints
    if (state := checkpoints.load(name)) is not None:
        fit.load(state)
    return fit.run(reporter, lambda state: checkpoints.save(name, state))


@torch.no_grad()
def _final_logits(network: Network, s: Sequences) -> Tensor:
    """What a network says at the last hour of each stay, (M, B, C); inputs are prepared and dropped in parts."""
    network.eval()
    parts = []
    for index in torch.arange(len(s)).split(_CHUNK):
        c = s[index]
        hours = c.lengths[:, None] - 1
        parts.append(network(c.x, c.mask, c.lengths, c.statics, c.statics_mask, hours)[0][:, :, 0])
    return torch.cat(parts, dim=1)


def count(network: Network) -> int:
    """Trained numbers in all."""
    return sum(p.numel() for p in network.parameters())


def core_parameters(network: Network) -> int | None:
    """Trained numbers of the recurrent core; None where the network has none of its own."""
    return sum(p.numel() for p in network.cores.parameters()) or None


def _missing(s: Sequences) -> float:
    inside = torch.arange(s.x.shape[1]) < s.lengths[:, None]
    return 1.0 - float(s.mask.sum()) / max(1, int(inside.sum()) * s.x.shape[2])


def _digest(train: LabelledStays, test: LabelledStays, config: RunConfig) -> str:
    digest = hashlib.sha256(json.dumps([__version__, config.to_dict()], sort_keys=True).encode())
    for stays in (train, test):
        r = stays.recordings
        digest.update(repr((r.task.name, r.record_ids, stays.patients)).encode("utf-8", "surrogatepass"))
        for array in (r.stay, r.hours, r.feature, r.value, r.statics, stays.y_true):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]

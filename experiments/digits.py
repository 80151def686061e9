"""Question: a network learns handwritten digits by each method's gradients: is the result the same, at what price?

One hidden layer of tanh units and, on top, softmax for ten digits or a sigmoid for "2 or not 2"; batches of 64,
gradient descent with momentum. Every method starts from the same weights and sees the same samples in the same order.

Theory: exact gradients (by hand, reverse, forward, complex step) differ by round-off, so that the losses agree to
rounding from the first epoch to the last; those of differences agree to the error of the quotient. A gradient of n
weights by reverse mode costs a few evaluations of the loss; by differences n + 1 or 2n, and the others n of something:
they get a smaller network, on 4 x 4 pixels.

Source: Rumelhart, Hinton, Williams 1986, Nature 323, 533-536; the digits: Alpaydin, Kaynak 1998, UCI repository.
"""

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

import diffbench as db
from diffbench import plotting
from diffbench.measure import time_calls
from diffbench.problems import Problem
from diffbench.problems import problem as find
from diffbench.problems.training import Samples, accuracy, descend, digits, epoch, random_layers, recognised
from diffbench.runner import Claim, Limits
from diffbench.tables import both

LIMITS = {"quick": Limits(seconds=10), "lecture": Limits(seconds=30), "full": Limits(seconds=600)}


@dataclass(frozen=True)
class Network:
    """What is learned: the problem that gives its loss, the units of its layers, the side of the images."""

    title: str
    loss: str
    units: tuple[int, ...]
    side: int

    @property
    def problem(self) -> Problem:
        """The loss, and its gradient worked out by hand."""
        return find(self.loss)

    @property
    def weights(self) -> int:
        """How many numbers are learned."""
        return sum((inputs + 1) * outputs for inputs, outputs in pairwise(self.units))

    def targets(self, samples: Samples) -> np.ndarray:
        """What the loss compares with."""
        return samples.one_hot() if self.units[-1] > 1 else samples.is_digit(2)

    def labels(self, samples: Samples) -> np.ndarray:
        """What each sample should be recognised as."""
        return samples.labels if self.units[-1] > 1 else samples.is_digit(2)


NETWORKS = {
    "ten": Network("Ten digits", "mlp", (64, 32, 10), 8),
    "two": Network("2 or not 2", "mlp_binary", (64, 16, 1), 8),
    "small": Network("Ten digits of 4 × 4 pixels", "mlp", (16, 8, 10), 4),
}

# ------------------------------------------------------------------------------------------------------- sweep

EPOCHS = {
    "quick": {"ten": 20, "two": 10, "small": 1},
    "lecture": {"ten": 40, "two": 20, "small": 5},
    "full": {"ten": 100, "two": 100, "small": 100},
}
CHEAP = ("manual", "reverse", "autograd", "jax", "torch")  # a gradient costs a few evaluations, whatever the network
QUICK = ("manual", "reverse", "forward", "finite-forward", "finite-central")
DEAR = ("forward", "complex-step", "finite-forward", "finite-central")


def sweep(profile: str) -> list[dict[str, Any]]:
    """One cell trains one network by one method."""
    known = db.backends()
    return [
        {"network": name, "backend": backend, "epochs": epochs}
        for name, epochs in EPOCHS[profile].items()
        for backend in (*CHEAP, *DEAR)
        if backend in known.index and known.installed[backend] and (name == "small" or backend in CHEAP)
        if profile != "quick" or backend in QUICK
    ]


# ----------------------------------------------------------------------------------------------------- measure

BATCH, RATE, MOMENTUM = 64, 0.2, 0.9
CHECKED = 2  # samples of the gradient check: 50 digits take their time


def measure(network: str, backend: str, epochs: int) -> list[dict[str, Any]]:
    """A row for each epoch: loss on all training samples, accuracy on the test samples, seconds of learning.

    The last one also has what was learned, the cost of a gradient, and how far from 50 digits it was before and after.
    """
    net = NETWORKS[network]
    loss, (train, test) = net.problem.function, digits(net.side)
    targets, labels = net.targets(train), net.labels(test)
    layers = first = random_layers(net.units)
    batch = train.inputs[:BATCH], targets[:BATCH]
    gradient = prepared_gradient(net.problem, backend, layers, *batch)
    rows = []
    for number in range(epochs):
        start = time.perf_counter()
        *_, layers = descend(
            gradient, layers, epoch(train.inputs, targets, BATCH, number), rate=RATE, momentum=MOMENTUM
        )
        row = {"seconds": time.perf_counter() - start, "epoch": number + 1}
        rows.append(
            row
            | {"loss": float(loss(layers, train.inputs, targets)), "accuracy": accuracy(layers, test.inputs, labels)}
        )
    turns = time_calls(
        {"loss": lambda: loss(layers, *batch), "gradient": lambda: gradient(layers, *batch)},
        sample_seconds=0.003,
        rounds=7,
        budget_seconds=0.5,
    )
    few = train.inputs[:CHECKED], targets[:CHECKED]
    found = recognised(layers, test.inputs)
    rows[-1] |= {
        "ratio": turns["gradient"].ratio_to(turns["loss"]).median,
        "error_before": error(loss, gradient, first, *few),
        "error_after": error(loss, gradient, layers, *few),
        "filters": np.round(layers[0][0].T, 4).tolist(),
        "recognised": found.tolist(),
    }
    return rows


def prepared_gradient(problem: Problem, backend: str, layers: Any, *batch: np.ndarray) -> Any:
    """The gradient by the weights, with all one-off work done.

    JAX compiles for all values of what it differentiates by, and once more for each value of anything else: so it
    differentiates by the samples, too, and that part is dropped.
    """
    if backend == "jax":
        by_all = db.gradient(problem.function, argnum=(0, 1, 2), backend=backend).prepare(layers, *batch)
        return lambda *arguments: by_all(*arguments)[0]
    options = {"gradient": problem.derivative} if backend == "manual" else {}
    return db.gradient(problem.function, backend=backend, **options).prepare(layers, *batch)


def error(loss: Any, gradient: Any, layers: Any, *samples: np.ndarray) -> float:
    """The largest error of a gradient against 50 digits, in units of its largest entry."""
    truth = flat(db.reference(loss, layers, *samples))
    return float(np.max(np.abs(flat(gradient(layers, *samples)) - truth)) / np.max(np.abs(truth)))


def flat(layers: Any) -> np.ndarray:
    """All weights in one array."""
    return np.concatenate([np.ravel(array) for pair in layers for array in pair])


# ------------------------------------------------------------------------------------------------------ expect

ROUNDING = {"finite-forward": 1e-4, "finite-central": 1e-7}  # relative, of the loss; others: 1e-10
CHECK = {"finite-forward": 1e-4, "finite-central": 1e-6}  # of the gradient; others: 1e-10, as y - d loses digits
ENOUGH = {"ten": 0.96, "two": 0.99}


def curves(frame: Any, name: str) -> dict[str, Any]:
    """The loss after each epoch, by backend."""
    rows = frame[(frame.network == name) & (frame.status == "ok")].sort_values("epoch")
    return {backend: one.set_index("epoch").loss for backend, one in rows.groupby("backend", sort=False)}


def deviations(frame: Any, name: str) -> dict[str, Any]:
    """How far each loss is from that of the gradient by hand, relative, after each epoch."""
    found = curves(frame, name)
    return {backend: abs(loss / found["manual"] - 1) for backend, loss in found.items() if backend != "manual"}


def ends(frame: Any, name: str) -> Any:
    """The last row of each backend, where what was learned stands."""
    return frame[(frame.network == name) & (frame.status == "ok") & frame.ratio.notna()].set_index("backend")


def expect(frame: Any) -> list[Claim]:
    """The same loss by all; as accurate as it should be; right to 50 digits; and what each gradient costs."""
    claims = []
    for name, net in NETWORKS.items():
        last = ends(frame, name)
        for backend, apart in deviations(frame, name).items():
            allowed = ROUNDING.get(backend, 1e-10)
            text = f"{net.title}, {backend}: the losses of the gradient by hand, for {len(apart)} epochs"
            claims.append(
                Claim(text, apart.max(skipna=False) < allowed, f"within {apart.max():.0e}", f"< {allowed:.0e}")
            )
        wrong = [
            f"{backend} {worst:.0e}"
            for backend, worst in last[["error_before", "error_after"]].max(axis=1).items()
            if not worst < CHECK.get(backend, 1e-10)
        ]
        text = f"{net.title}: gradients against 50 digits, before and after"
        claims.append(Claim(text, not wrong, ", ".join(wrong) or "all right", "< 1e-10; differences 1e-4, 1e-6"))
        if name in ENOUGH:
            least, allowed = last.accuracy.min(), ENOUGH[name]
            text = f"{net.title}: {last.epoch.min():.0f} epochs recognise {allowed:.0%} of the test samples"
            claims.append(Claim(text, least >= allowed, f"{least:.1%}", f"≥ {allowed:.0%}"))
    ratio, n = ends(frame, "small").ratio, NETWORKS["small"].weights
    for backend in {*DEAR} & {*ratio.index}:
        times = ratio[backend] / ratio["reverse"]
        text = f"{n} weights: reverse mode is cheaper than {backend}"
        claims.append(Claim(text, times > 2, f"{times:.0f} times", "> 2 times"))
    return claims


# ------------------------------------------------------------------------------------------------------ figure


def figures(frame: Any) -> dict[str, Any]:
    """Losses, how far they are apart, seconds of an epoch; then what was learned: mistakes and filters."""
    with plotting.style():
        drawn = {f"{name}_time": draw_times(frame, name) for name in ("ten", "small")}
        drawn["ten_loss"], drawn["small_deviation"] = draw_losses(frame, "ten"), draw_deviations(frame, "small")
        best = ends(frame, "ten").loc["reverse"]
        drawn["confusion"], drawn["mistakes"] = draw_confusion(best), draw_mistakes(best)
        drawn["filters"] = draw_filters(best)
    return drawn


def draw_losses(frame: Any, name: str) -> Any:
    """Loss against epochs, one line inside of the other."""
    figure, ax = plotting.figure(f"{NETWORKS[name].title}: the same loss by every gradient", "epoch", "training loss")
    plotting.log_axes(ax, x=False)
    found = curves(frame, name)
    for place, (backend, loss) in enumerate(found.items()):
        width = 3 + 6 * (len(found) - 1 - place)
        plotting.line(ax, loss.index, loss, backend, marker="", linestyle="-", linewidth=width)
    ax.xaxis.get_major_locator().set_params(integer=True)
    plotting.label_lines(ax)
    return figure


def draw_deviations(frame: Any, name: str) -> Any:
    """Relative distance from the loss by hand; what is zero lies at a quarter of machine epsilon."""
    title = f"{NETWORKS[name].title}: how far is the loss from that by hand?"
    figure, ax = plotting.figure(title, "epoch", "relative difference of the losses")
    plotting.log_axes(ax, x=False)
    floor = np.finfo(float).eps / 4
    for backend, apart in deviations(frame, name).items():
        plotting.line(ax, apart.index, np.maximum(apart, floor), backend)
    ax.xaxis.get_major_locator().set_params(integer=True)
    if ax.lines:
        plotting.guide(ax, ax.get_xlim(), [np.finfo(float).eps] * 2, "machine epsilon", at=0)
    plotting.label_lines(ax)
    return figure


def draw_times(frame: Any, name: str) -> Any:
    """Seconds of one epoch, fastest on top, beside the factor over the gradient by hand."""
    net = NETWORKS[name]
    rows = frame[(frame.network == name) & (frame.status == "ok")]
    seconds = rows.groupby("backend").seconds.median().sort_values(ascending=False)
    title = f"{net.title}: an epoch of {len(digits()[0]) // BATCH} gradients by {net.weights} weights"
    figure, ax = plotting.figure(title, "time of an epoch", "")
    far_apart = seconds.max() > 20 * seconds.min()
    if far_apart:
        plotting.log_axes(ax, y=False)
    for backend, one in seconds.items():
        look = plotting.look(str(backend))
        ax.hlines(backend, seconds.min() / 2 if far_apart else 0, one, color=look.colour, linewidth=4)
        ax.plot([one], [backend], marker="o", markersize=18, color=look.colour)
        ax.annotate(
            f"{one / seconds['manual']:.3g} ×",
            (one, backend),
            (16, 0),
            textcoords="offset points",
            va="center",
            color=look.colour,
        )
    ax.set_xlim(seconds.min() / 2 if far_apart else 0, seconds.max() * (3 if far_apart else 1.2))
    ax.margins(y=0.2)
    plotting.seconds(ax.xaxis)
    ax.grid(visible=False, axis="y")
    return figure


def draw_confusion(row: Any) -> Any:
    """How many samples of each digit were taken for each."""
    _, test = digits()
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (test.labels, np.asarray(row.recognised)), 1)
    title = f"{int(np.trace(counts))} of {len(test)} test digits recognised: {row.accuracy:.1%}"
    figure, ax = plotting.figure(title, "taken for", "is", size=(9.5, 9.5))
    ax.imshow(np.sqrt(counts), cmap="Blues")  # the square root lets single mistakes be seen
    for (label, taken), count in np.ndenumerate(counts):
        if count:
            ax.text(taken, label, str(count), ha="center", va="center", color="white" if count > 15 else "black")
    ax.set(xticks=range(10), yticks=range(10))
    ax.grid(visible=False)
    return figure


def draw_mistakes(row: Any) -> Any:
    """The first eight test digits that were not recognised."""
    _, test = digits()
    taken = np.asarray(row.recognised)
    wrong = np.flatnonzero(taken != test.labels)
    title = f"{len(wrong)} of {len(test)} test digits are taken for another"
    figure, axes = plotting.panels(title, 2, 4)
    for ax, place in zip(axes, wrong):
        ax.imshow(test.inputs[place].reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(f"{test.labels[place]}, taken for {taken[place]}", loc="center", pad=6)
    return figure


def draw_filters(row: Any) -> Any:
    """The weights of each hidden unit as an image, eight in a row."""
    filters = np.asarray(row.filters).reshape(-1, 8, 8, 8)  # rows of eight images of 8 x 8
    framed = np.pad(filters, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=np.nan)
    largest = np.abs(filters).max()
    figure, (ax,) = plotting.panels("What each hidden unit looks for: ink in red, blank in blue", 1, 1)
    ax.imshow(np.block([[*images] for images in framed]), cmap="RdBu_r", vmin=-largest, vmax=largest)
    return figure


def tables(frame: Any) -> dict[str, str]:
    """What each method gave and took."""
    rows = []
    for name, net in NETWORKS.items():
        for backend, row in ends(frame, name).iterrows():
            seconds = frame[(frame.network == name) & (frame.backend == backend)].seconds.median()
            worst = max(row.error_before, row.error_after)
            numbers = (f"{1000 * seconds:.3g}", f"{row.ratio:.3g}", f"{worst:.0e}", f"{row.loss:.6g}")
            rows.append([net.title, str(net.weights), str(backend), *numbers, f"{100 * row.accuracy:.1f}"])
    head = ["network", "weights", "backend", "ms an epoch", "gradient / loss", "its error", "loss", "right in 100"]
    return both("training", head, rows)

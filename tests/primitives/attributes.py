"""A call for every method and attribute of an ndarray that a traced array has too."""

from collections.abc import Callable

import numpy as np

X = np.array([[3.0, 1.0, 2.0], [0.5, -1.0, 4.0]])
CALLS: dict[str, Callable] = {
    "all": lambda x: x.all(),
    "any": lambda x: x.any(axis=0),
    "argmax": lambda x: x.argmax(),
    "argmin": lambda x: x.argmin(1),
    "argpartition": lambda x: x.argpartition(1),
    "argsort": lambda x: x.argsort(),
    "astype": lambda x: x.astype(np.longdouble),
    "choose": lambda x: (x > 0.7).choose([x, 2 * x]) if isinstance(x, np.ndarray) else np.choose(x > 0.7, [x, 2 * x]),
    "clip": lambda x: x.clip(0, 2.5),
    "compress": lambda x: x.compress([True, False], axis=0),
    "conj": lambda x: x.conj(),
    "conjugate": lambda x: x.conjugate(),
    "copy": lambda x: x.copy(),
    "cumprod": lambda x: x.cumprod(1),
    "cumsum": lambda x: x.cumsum(),
    "diagonal": lambda x: x.diagonal(),
    "dot": lambda x: x.dot(x.T),
    "flat": lambda x: x.flat[2],
    "flatten": lambda x: x.flatten(),
    "imag": lambda x: x.imag,
    "itemsize": lambda x: x.itemsize,
    "max": lambda x: x.max(axis=1),
    "mean": lambda x: x.mean(0),
    "min": lambda x: x.min(),
    "mT": lambda x: x.mT,
    "nbytes": lambda x: x.nbytes,
    "ndim": lambda x: x.ndim,
    "nonzero": lambda x: x.nonzero()[0],
    "prod": lambda x: x.prod(),
    "ravel": lambda x: x.ravel(),
    "real": lambda x: x.real,
    "repeat": lambda x: x.repeat(2),
    "reshape": lambda x: x.reshape(3, 2),
    "round": lambda x: x.round(1),
    "searchsorted": lambda x: x[0, 1:].searchsorted(1.5),
    "shape": lambda x: x.shape,
    "size": lambda x: x.size,
    "squeeze": lambda x: x[:1].squeeze(),
    "std": lambda x: x.std(),
    "sum": lambda x: x.sum(axis=1),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "T": lambda x: x.T,
    "take": lambda x: x.take([0, 5]),
    "trace": lambda x: x.trace(),
    "transpose": lambda x: x.transpose(1, 0),
    "var": lambda x: x.var(0),
    "dtype": lambda x: x.dtype == float,
    "device": lambda x: x.device,
    "fill": lambda x: _changed(x, lambda y: y.fill(2.0)),
    "sort": lambda x: _changed(x, lambda y: y.sort(axis=0)),
    "partition": lambda x: _changed(x, lambda y: y.partition(1)),
    "put": lambda x: _changed(x, lambda y: y.put([0, 4], [7.0, 8.0])),
    "to_device": lambda x: x.to_device("cpu"),
}


def _changed(x, change):
    y = x * 1.0
    change(y)
    return y

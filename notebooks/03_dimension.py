# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 3 · The dimension
#
# **Claim.** A gradient of $n$ components by reverse mode costs a few evaluations of $f$, whatever $n$ is. By
# differences it costs $n + 1$ of them.
#
# The function is Rosenbrock's, $\sum_i 100\,(x_{i+1} - x_i^2)^2 + (1 - x_i)^2$, in plain NumPy.

# %%
# %matplotlib inline
import inspect

import numpy as np

import diffbench as db
from diffbench import plotting
from diffbench.measure import time_calls
from diffbench.problems import problem

rosenbrock = problem("rosenbrock")
f = rosenbrock.function
print(inspect.getsource(f))

# %% [markdown]
# ## All methods agree
#
# With the gradient derived by hand, before we ask what they cost.

# %%
(x,) = rosenbrock.point(6)
for backend in ("symbolic", "finite-central", "complex-step", "forward", "reverse"):
    print(f"{backend:16}", db.gradient(f, backend=backend)(x).round(4))

# %%
for backend in ("symbolic", "finite-central", "complex-step", "forward", "reverse"):
    np.testing.assert_allclose(db.gradient(f, backend=backend)(x), rosenbrock.derivative(x), rtol=1e-6)

# %% [markdown]
# ## Count the evaluations of f

# %%
runs = []
calls = {}
for backend in ("finite-forward", "finite-central", "complex-step", "reverse"):
    runs.clear()
    db.gradient(lambda v: runs.append(1) or f(v), backend=backend)(x)
    calls[backend] = len(runs)
calls

# %%
assert calls["finite-forward"] == len(x) + 1
assert calls["finite-central"] == 2 * len(x) + 1  # one of them for the value
assert calls["reverse"] == 1

# %% [markdown]
# ## Take the time
#
# $f$ and its gradients take turns; what disturbs one round disturbs them all. The ratio to $f$ is what counts.

# %%
sizes = [4**k for k in range(1, 6)]
ratio = {backend: [] for backend in ("finite-central", "forward", "reverse", "manual")}
for n in sizes:
    point = rosenbrock.point(n)
    gradients = {
        backend: db.gradient(
            f, backend=backend, **({"gradient": rosenbrock.derivative} if backend == "manual" else {})
        ).prepare(*point)
        for backend in ratio
    }
    turns = time_calls(
        {"f": lambda point=point: f(*point)}
        | {name: (lambda g=g, point=point: g(*point)) for name, g in gradients.items()},
        sample_seconds=0.002,
        rounds=5,
    )
    for backend in ratio:
        ratio[backend].append(turns[backend].ratio_to(turns["f"]).median)

# %%
with plotting.style():
    figure, ax = plotting.figure("Rosenbrock: gradient over f", "n", "time of gradient / time of f")
    plotting.log_axes(ax, base=2)
    for backend, values in ratio.items():
        plotting.line(ax, sizes, values, backend)
    plotting.slope_guide(ax, 1, (4, 2), 1024, "n")
    plotting.label_lines(ax)
figure

# %% [markdown]
# At $n = 1024$ differences cost about two thousand evaluations of $f$. Reverse mode costs as many as at $n = 4$.

# %%
assert ratio["finite-central"][-1] > 10 * ratio["reverse"][-1]
assert ratio["finite-central"][-1] > 20 * ratio["finite-central"][0]
assert ratio["reverse"][-1] < 5 * ratio["reverse"][0]

# %% [markdown]
# **Try.** What does `forward` do here, and why does it start flat? (It pushes many tangents at once.) For which
# functions would forward mode win? One with a single input and many outputs: `db.derivative`.
#
# The whole experiment, on three functions, every backend, and with the time to prepare apart:
# `diffbench run dimension`.

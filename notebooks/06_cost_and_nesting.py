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
# # 6 · Forward against reverse, and nesting
#
# **Claim.** A Jacobian of $m$ results by $n$ variables takes $n$ forward sweeps or $m$ reverse sweeps. A gradient, with
# $m = 1$, costs a few evaluations of $f$ by reverse mode, whatever $n$ is. And sweeps nest: forward on reverse gives
# the Hessian times a vector without the Hessian.

# %%
# %matplotlib inline
import inspect

import numpy as np

import diffbench as db
from diffbench import plotting
from diffbench.lecture.exercises import EXERCISES
from diffbench.lecture.slides import SLIDES
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
gradients = {
    b: db.gradient(f, backend=b)(x) for b in ("symbolic", "finite-central", "complex-step", "forward", "reverse")
}
for backend, gradient in gradients.items():
    print(f"{backend:16}", gradient.round(4))

# %%
for gradient in gradients.values():
    np.testing.assert_allclose(gradient, rosenbrock.derivative(x), rtol=1e-6)

# %% [markdown]
# ## Count the sweeps
#
# Operations of $f$, of one forward and of one reverse sweep through it, counted on their own Wengert lists. A sweep
# costs the same few times $f$ in both directions; how many one needs is another matter.

# %%
sweeps = SLIDES["sweeps"]()
sweeps

# %%
assert all(check.holds for check in sweeps.checks)
assert [row[-1] for row in sweeps.rows] == ["forward", "reverse", "reverse"]

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
sizes, backends = [4, 16, 64, 256], ("finite-central", "forward", "reverse")
ratio = {backend: [] for backend in backends}
for n in sizes:
    point = rosenbrock.point(n)
    gradients = {b: db.gradient(f, backend=b).prepare(*point) for b in backends}
    calls = {"f": lambda p=point: f(*p)} | {b: (lambda g=g, p=point: g(*p)) for b, g in gradients.items()}
    turns = time_calls(calls, sample_seconds=0.002, rounds=5)
    for backend in backends:
        ratio[backend].append(turns[backend].ratio_to(turns["f"]).median)

# %%
with plotting.style():
    figure, ax = plotting.figure("Rosenbrock: gradient over f", "n", "time of gradient / time of f")
    plotting.log_axes(ax, base=2)
    for backend, values in ratio.items():
        plotting.line(ax, sizes, values, backend)
    plotting.slope_guide(ax, 1, (4, 2), 256, "n")
    plotting.label_lines(ax)
figure

# %% [markdown]
# At $n = 256$ differences cost about five hundred evaluations of $f$. Reverse mode costs as many as at $n = 4$. (Our
# forward mode pushes many tangents at once: that is why it starts flat.)

# %%
assert ratio["finite-central"][-1] > 5 * ratio["reverse"][-1]
assert ratio["reverse"][-1] < 5 * ratio["reverse"][0]

# %% [markdown]
# ## Nesting
#
# What a verb returns is plain NumPy code for the next verb. The derivative of the gradient along $v$ is the Hessian
# times $v$: forward mode, run on reverse mode.

# %%
v = np.array([1.0, 0.0, -1.0, 2.0, 0.0, 0.5])
db.jvp(db.gradient(f, backend="reverse"), backend="forward")(x, v)

# %%
np.testing.assert_allclose(db.jvp(db.gradient(f))(x, v), db.hessian(f)(x) @ v, rtol=1e-13)
np.testing.assert_allclose(db.hvp(f)(x, v), db.hessian(f)(x) @ v, rtol=1e-13)

# %% [markdown]
# Which mode outside, which inside? All four give the Hessian; differences outside give some digits of it.

# %%
hessian = db.hessian(f)(x)
for outer in ("forward", "reverse", "finite-central"):
    for inner in ("forward", "reverse"):
        found = db.jacobian(db.gradient(f, backend=inner), backend=outer)(x)
        print(f"{outer:>14} on {inner:7} differs by {np.max(np.abs(found - hessian)):.0e}")

# %%
assert np.array_equal(hessian, hessian.T) or np.allclose(hessian, hessian.T, rtol=1e-14)

# %% [markdown]
# At $n = 1000$ the Hessian has a million entries. $Hv$ never sees them.

# %%
(x,), v = rosenbrock.point(1000), np.ones(1000)
product = db.hvp(f)(x, v)
product[:4], product.shape

# %%
gradient = rosenbrock.derivative
quotient = (gradient(x + 1e-6 * v) - gradient(x - 1e-6 * v)) / 2e-6
np.testing.assert_allclose(product, quotient, rtol=1e-5, atol=1e-3)

# %% [markdown]
# ## Whose perturbation is it?
#
# $\frac{d}{dx}\left(x \cdot \frac{d}{dy}(x + y)\right) = 1$. Who mixes up the two derivatives finds 2. Each of our runs
# has a level of its own, so that the inner one takes $x$ for the constant that it is.

# %%
db.derivative(lambda x: x * db.derivative(lambda y: x + y)(1.0))(1.0)

# %%
assert db.derivative(lambda x: x * db.derivative(lambda y: x + y)(1.0))(1.0) == 1.0

# %% [markdown]
# The experiments, on more functions, with every backend and with time limits: `diffbench run dimension`.

# %%
exercise = EXERCISES["cost_and_nesting"]
exercise

# %%
answer = ...
exercise.check(answer)

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
# # 3 · The step size
#
# **Claim.** A difference quotient gets better as its step $h$ shrinks, and then it gets worse. The complex step only
# gets better. Automatic differentiation has no step.
#
# The function is the one of Squire and Trapp (1998), $e^x / (\sin^3 x + \cos^3 x)$ at $x = 1.5$.

# %%
# %matplotlib inline
import mpmath
import numpy as np
from ipywidgets import FloatLogSlider, interact

import diffbench as db
from diffbench import plotting
from diffbench.lecture.exercises import EXERCISES
from diffbench.lecture.pictures import secant
from diffbench.problems import problem

f = problem("squire_trapp_ratio").function
x = 1.5
f(x)

# %% [markdown]
# ## The truth
#
# The same Python function, run on numbers of 50 digits:

# %%
truth = db.reference(f, x, quantity="derivative")
print(mpmath.nstr(truth, 40))

# %%
assert mpmath.nstr(truth, 40).startswith("3.6220337007163260425977709811")

# %% [markdown]
# ## A secant for a tangent
#
# Drag $h$: the slope of the secant through $\sin 1$ and $\sin(1 + h)$ comes near to that of the tangent. Watch the last
# number of the title, also where the eye sees no difference any more.

# %%
_ = interact(lambda h: secant(np.sin, 1.0, h), h=FloatLogSlider(0.5, min=-16, max=0, step=0.25))

# %%
secant(np.sin, 1.0, 0.5)

# %% [markdown]
# ## One step, then many

# %%
db.derivative(f, backend="finite-forward", step=1e-4)(x)

# %%
steps = [10.0**-k for k in range(1, 16)]
forward = [abs(float(db.derivative(f, backend="finite-forward", step=h)(x) - truth)) for h in steps]
for h, error in zip(steps, forward, strict=True):
    print(f"h = {h:.0e}   error {error:.1e}")

# %% [markdown]
# The error falls by 10 with each division of $h$ by 10, down to about $h = 10^{-8}$, and then rises again:
# $f(x+h)$ and $f(x)$ agree in ever more digits, and the difference has only what is left.

# %%
assert 5 < forward[2] / forward[3] < 20
assert 1e-10 < steps[np.argmin(forward)] < 1e-6

# %% [markdown]
# ## Higher order
#
# A central quotient of order $p$ errs by $h^p$: a division of $h$ by 10 buys $p$ digits. It turns earlier, and lower.

# %%
central = {
    p: [abs(float(db.derivative(f, backend="finite-central", order=p, step=h)(x) - truth)) for h in steps]
    for p in (2, 4, 6, 8)
}
for p, errors in central.items():
    print(f"order {p}: best error {min(errors):.0e} at h = {steps[np.argmin(errors)]:.0e}")

# %%
assert 50 < central[2][1] / central[2][2] < 200
assert 5_000 < central[4][0] / central[4][1] < 50_000
assert min(central[6]) < min(central[2]) < min(forward)

# %% [markdown]
# ## The complex step subtracts nothing
#
# $f'(x) \approx \operatorname{Im} f(x + ih) / h$ errs by $h^2$ and has no second branch: take $h = 10^{-200}$.

# %%
db.derivative(f, backend="complex-step", step=1e-200)(x)

# %%
complex_step = [abs(float(db.derivative(f, backend="complex-step", step=h)(x) - truth)) for h in steps]
assert complex_step[-1] < 1e-15 * 4
assert abs(db.derivative(f, backend="complex-step", step=1e-200)(x) - float(truth)) < 1e-15 * 4

# %% [markdown]
# ## Automatic differentiation has no step

# %%
exact = abs(float(db.derivative(f, backend="forward")(x) - truth))
exact

# %%
assert exact < 1e-15 * 4

# %%
with plotting.style():
    figure, ax = plotting.figure("Error of the derivative of eˣ / (sin³x + cos³x)", "step h", "error")
    plotting.log_axes(ax)
    plotting.line(ax, steps[::-1], np.maximum(complex_step[::-1], 1e-17), "complex-step", linewidth=7, marker="")
    plotting.line(ax, steps[::-1], forward[::-1], "finite-forward")
    for p, errors in central.items():
        plotting.line(ax, steps[::-1], np.maximum(errors[::-1], 1e-17), f"finite-central-{p}")
    plotting.level(ax, max(exact, 1e-17), "forward", "forward AD")
    plotting.label_lines(ax)
figure

# %% [markdown]
# ## A trap
#
# $l_4$ of the logistic map is a polynomial of degree 8. Central differences of order 8 are *exact* on it: even with
# the huge step $h = 0.1$ all that is left is round-off. Who fits a slope there fits noise.

# %%
l4 = problem("logistic_loop").function
quotient = db.derivative(lambda v: l4(v, 4), backend="finite-central", order=8, step=0.1)(0.2)
quotient

# %%
assert abs(quotient - 9.0660864) < 1e-11

# %% [markdown]
# Your own function, in three precisions, on all steps:
# `DIFFBENCH_FUNCTION=module:f DIFFBENCH_AT=0.3 diffbench run step_size`.

# %%
exercise = EXERCISES["step_size"]
exercise

# %%
answer = ...
exercise.check(answer)

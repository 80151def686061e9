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
# # 9 · Your own function
#
# **Claim.** Which method is right on *your* function, and what it costs there, can be measured: against 50 digits, and
# in turns with the function itself.
#
# Replace `energy` by a function of your own, and run all cells again.

# %%
# %matplotlib inline
import inspect

import numpy as np

import diffbench as db
from diffbench.lecture.examples import energy, gradient_with_a_mistake
from diffbench.lecture.exercises import EXERCISES
from diffbench.problems import problem
from diffbench.testing import check_gradient

x = np.array([0.5, -1.0, 2.0, 0.25, 1.5])
print(inspect.getsource(energy))

# %% [markdown]
# ## The truth
#
# The same Python function on numbers of 50 digits, loops and branches included.

# %%
truth = db.reference(energy, x)
truth

# %% [markdown]
# ## All methods
#
# Each runs in a process of its own, with limits; each is held against the truth entry by entry.

# %%
comparison = db.compare(energy, x)
comparison

# %%
status = comparison.frame.set_index("backend").status
assert (status[["forward", "reverse", "complex-step", "symbolic"]] == "ok").all()

# %% [markdown]
# Error against time: below and to the left is better.

# %%
comparison.plot()

# %% [markdown]
# ## Advice
#
# What pays depends on how often one asks: preparing an expression is dear, evaluating it may be cheap.

# %%
db.recommend(energy, x, calls=100_000, backends=("reverse", "symbolic", "finite-central"))

# %% [markdown]
# ## Refusals are no defects
#
# A branch on a value has no closed form, and `abs` is no analytic function. Two methods refuse, and say in which line
# and what to do. A wrong number without a word would be worse.

# %%
backends = ("reverse", "symbolic", "complex-step")
kinked = db.compare(lambda x: np.sum(np.abs(x)) if x[0] > 0 else np.sum(x), x, backends=backends)
kinked.frame.set_index("backend")[["status", "message"]]

# %%
refused = kinked.frame.set_index("backend").status[["symbolic", "complex-step"]]
assert (refused == "unsupported").all()

# %% [markdown]
# ## A gradient by hand
#
# A check in a test-suite is one line. It holds the gradient against 50 digits and says what a mistake looks like. Here
# are four mistakes in a right gradient of the Helmholtz energy; each has been made by somebody in this room.

# %%
helmholtz = problem("helmholtz")
f, gradient, point = helmholtz.function, helmholtz.derivative, helmholtz.point(5)
print(check_gradient(f, gradient, *point))

# %%
mistakes = {
    "axes": lambda x, A, b: gradient(x, A, b)[::-1],
    "sign": lambda x, A, b: gradient(x, A, b) * [1, 1, -1, 1, 1],
    "mean": lambda x, A, b: gradient(x, A, b) / len(x),
    "typo": lambda x, A, b: gradient(x, A, b) * (1 + 1e-6),
}

# %%
said = {}
for name, wrong in mistakes.items():
    try:
        check_gradient(f, wrong, *point)
    except AssertionError as error:
        said[name] = str(error).splitlines()[1].strip()
said

# %%
assert "reversed" in said["axes"]
assert "entry 2 has the wrong sign" in said["sign"]
assert "1/5" in said["mean"]
assert "1e-06" in said["typo"]

# %% [markdown]
# A difference quotient would not have seen the last one in a small entry: it is right to $\sqrt\varepsilon$ of the
# largest.
#
# ## When methods disagree
#
# Somebody has to be wrong. `db.diagnose` says who, and why: here $1 - \cos x$ loses the digits of everybody.

# %%
diagnosis = db.diagnose(lambda x: (1 - np.cos(x)) / x**2, 1e-6)
diagnosis.methods_frame

# %%
{finding.kind: finding.advice for finding in diagnosis.findings}

# %%
assert "cancellation" in diagnosis.kinds
assert "cancellation" not in db.diagnose(lambda x: 2 * (np.sin(x / 2) / x) ** 2, 1e-6).kinds

# %% [markdown]
# On the command line: `diffbench compare my_model:energy --at "[0.5, -1.0, 2.0]"`.

# %%
print(inspect.getsource(gradient_with_a_mistake))
exercise = EXERCISES["your_function"]
exercise

# %%
answer = ...
exercise.check(answer)

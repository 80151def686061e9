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
# Somebody wrote a gradient for `energy`. It looks right:

# %%
print(inspect.getsource(gradient_with_a_mistake))

# %%
by_hand = db.get_backend("manual", gradient=gradient_with_a_mistake)
verdict = db.compare(energy, x, backends={"by hand": by_hand, "reverse": "reverse"})
verdict.frame.set_index("backend")[["status", "message"]]

# %%
assert verdict.frame.status.tolist().count("wrong") == 1

# %% [markdown]
# On the command line: `diffbench compare my_model:energy --at "[0.5, -1.0, 2.0]"`.

# %%
exercise = EXERCISES["your_function"]
exercise

# %%
answer = ...
exercise.check(answer)

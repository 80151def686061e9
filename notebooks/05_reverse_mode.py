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
# # 5 · Reverse mode
#
# **Claim.** Reverse mode walks the list of operations backwards. Each value has an adjoint: how much the result changes
# with it. One sweep gives the derivatives by *all* inputs, and that is the whole point.

# %%
# %matplotlib inline
import numpy as np
from ipywidgets import IntSlider, interact

import diffbench as db
from diffbench.lecture.exercises import EXERCISES
from diffbench.lecture.items import squared_error
from diffbench.lecture.items import two_results as f
from diffbench.problems import problem

w = db.trace(f, 2.0, 3.0)
w.table()

# %% [markdown]
# ## Messages, from the end to the start
#
# The seed is an adjoint for each result; $(1, 0)$ asks for the derivatives of $y_1$. Each line sends a message to
# whatever it was computed from: the local derivative times its own adjoint. A value that was used twice adds up two.

# %%
w.reverse((1.0, 0.0))

# %% [markdown]
# One sweep, one *row* of the Jacobian. The other seed gives the other row.

# %%
first, second = db.vjp(f, argnum=(0, 1))(2.0, 3.0, (1.0, 0.0)), db.vjp(f, argnum=(0, 1))(2.0, 3.0, (0.0, 1.0))
first, second

# %%
np.testing.assert_allclose(first, (2.880510859951098, 1.920340573300732), rtol=1e-15)
np.testing.assert_allclose(second, (3.0, 7 / 3), rtol=1e-15)

# %% [markdown]
# Forward mode found the same four numbers by columns, and the two sweeps agree on every $u^T J v$:

# %%
u, v = (0.3, -1.2), (0.6, 0.8)
pulled, pushed = db.vjp(f, argnum=(0, 1))(2.0, 3.0, u), db.jvp(f, argnum=(0, 1))(2.0, 3.0, v)
np.dot(pulled, v), np.dot(u, pushed)

# %%
assert abs(np.dot(pulled, v) - np.dot(u, pushed)) < 1e-15

# %% [markdown]
# ## The same as a graph
#
# Drag the step $k$: adjoints appear from the right to the left, below the values, which were there before.

# %%
_ = interact(lambda k: w.draw("reverse", step=k, seed=(1.0, 0.0)), k=IntSlider(4, 0, 5))

# %%
w.draw("reverse", step=4, seed=(1.0, 0.0))

# %% [markdown]
# ## The same as a program
#
# All values first, and then the adjoints in the opposite order. That is why reverse mode remembers: the second half
# needs what the first half has computed.

# %%
program = w.source("reverse")
print(program)

# %%
namespace = {}
exec(program, namespace)
values, adjoints = namespace["two_results_reverse"](2.0, 3.0, (1.0, 0.0))
assert np.array_equal(adjoints, first)

# %% [markdown]
# ## The network of the lecture, line by line
#
# $L = \frac12 (\sigma(w x + b) - t)^2$, as a sequence of primitives, at $w = 2$, $x = 3$, $b = -4$, $t = 1$.

# %%
neuron = db.trace(squared_error, 2.0, 3.0, -4.0, 1.0)
neuron.reverse()

# %%
gradient = db.gradient(squared_error, argnum=(0, 1, 2, 3))(2.0, 3.0, -4.0, 1.0)
np.testing.assert_allclose(gradient, (-0.0375466265, -0.0250310843, -0.0125155422, 0.1192029220), atol=5e-11)

# %% [markdown]
# Four derivatives from one sweep: it would be the same sweep for four million.

# %%
runs = []
x = np.linspace(0.5, 1.5, 100_000)
gradient = db.gradient(lambda v: runs.append(1) or problem("rosenbrock").function(v))(x)
len(gradient), len(runs)

# %%
assert len(runs) == 1
np.testing.assert_allclose(gradient, problem("rosenbrock").derivative(x), rtol=1e-12, atol=1e-9)

# %% [markdown]
# ## Counted
#
# Operations of the programs for the value, a tangent and a gradient, and the bound that theory sets. A product of eight
# numbers has eight derivatives, and they cost about as much as one.

# %%
product = db.trace(lambda x: np.prod([x[k] for k in range(8)]), np.linspace(0.5, 1.5, 8))
product.operation_counts()

# %%
_, _, reverse = product.operation_counts().itertuples()
assert reverse.ratio <= reverse.bound

# %%
exercise = EXERCISES["reverse_mode"]
exercise

# %%
answer = ...
exercise.check(answer)

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
# # 4 · Forward mode
#
# **Claim.** Running a function leaves a list of elementary operations. Forward mode gives each of them a tangent, in
# the same order, beside its value: one sweep, one direction.

# %%
# %matplotlib inline
import inspect

import numpy as np
from ipywidgets import IntSlider, interact

import diffbench as db
from diffbench.lecture.exercises import EXERCISES
from diffbench.lecture.items import two_results as f
from diffbench.problems import problem

print(inspect.getsource(f))

# %% [markdown]
# ## The Wengert list
#
# Run it at $(2, 3)$ on values that write down what is done with them:

# %%
w = db.trace(f, 2.0, 3.0)
w.table()

# %%
assert [step.primitive for step in w.steps if not step.is_input] == ["*", "log", "sin", "+"]
assert abs(w["v1"].value - 6) + abs(w["v2"].value - np.log(3)) == 0

# %% [markdown]
# ## A tangent for each line
#
# The seed says in which direction we go: $(1, 0)$ is $x_1$ alone. Each line has a local derivative, and its tangent is
# the sum of local derivatives times the tangents of what it is computed from.

# %%
w.forward((1.0, 0.0))

# %% [markdown]
# The tangents of the results are one column of the Jacobian. The other seed gives the other column.

# %%
first, second = db.jvp(f, argnum=(0, 1))(2.0, 3.0, (1.0, 0.0)), db.jvp(f, argnum=(0, 1))(2.0, 3.0, (0.0, 1.0))
first, second

# %%
np.testing.assert_allclose(first, (2.880510859951098, 3.0), rtol=1e-15)
np.testing.assert_allclose(second, (1.920340573300732, 7 / 3), rtol=1e-15)

# %% [markdown]
# ## The same as a graph
#
# Drag the step $k$. Primals stand above the nodes, tangents below; what is done is coloured.

# %%
_ = interact(lambda k: w.draw("forward", step=k, seed=(1.0, 0.0)), k=IntSlider(3, 0, 4))

# %%
w.draw("forward", step=3, seed=(1.0, 0.0))

# %% [markdown]
# ## The same as a program
#
# Derivatives as code: two lines for each line of $f$. Nothing has to be kept; the tangent of a line is ready when the
# line is.

# %%
program = w.source("forward")
print(program)

# %%
namespace = {}
exec(program, namespace)
values, tangents = namespace["two_results_forward"](2.0, 3.0, 1.0, 0.0)
assert np.array_equal(tangents, first)

# %% [markdown]
# ## Loops and branches
#
# A trace does not see them: it sees the path that was taken. The chain of soft ReLUs, written so that it never
# overflows, uses another formula for $z > 0$ than for $z \leq 0$.

# %%
p = problem("soft_relu_branch")
chain = db.trace(p.function, *p.point(2), argnum=0)
[(decision.text, decision.outcome) for decision in chain.decisions]

# %%
chain.table()

# %% [markdown]
# And the length of the list follows the data:

# %%
[len(db.trace(p.function, *p.point(n), argnum=0)) for n in (1, 2, 3, 4)]

# %% [markdown]
# ## One sweep, one direction
#
# A direction is any vector. With it comes $J v$, at the cost of about two evaluations, without $J$:

# %%
along = db.jvp(f, argnum=(0, 1))(2.0, 3.0, (0.6, 0.8))
along

# %%
np.testing.assert_allclose(along, 0.6 * np.array(first) + 0.8 * np.array(second), rtol=1e-15)

# %% [markdown]
# For all $n$ columns one needs $n$ tangents. With one input and many results, that is one:

# %%
column = db.derivative(lambda t: np.sin(t * np.arange(5.0)))(0.5)
column

# %%
np.testing.assert_allclose(column, np.arange(5) * np.cos(0.5 * np.arange(5)), rtol=1e-15)

# %%
exercise = EXERCISES["forward_mode"]
exercise

# %%
answer = ...
exercise.check(answer)

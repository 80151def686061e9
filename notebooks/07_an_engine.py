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
# # 7 · How Autograd is built
#
# **Claim.** Reverse mode is a page of code, once there is a table of rules: put every value into a box, write down what
# is called on boxes, and walk back.
#
# The engine below is `diffbench.lecture.engine`. Its names are those of HIPS/autograd; its rules are the rows of our
# table. The real one, `diffbench.backends.reverse`, does the same and is faster.

# %%
# %matplotlib inline
import inspect

import numpy as np

import diffbench as db
from diffbench.lecture import engine
from diffbench.lecture.engine import Box, Graph, Node, backward_pass, grad, toposort
from diffbench.lecture.exercises import EXERCISES
from diffbench.measure import time_calls
from diffbench.primitives import TABLE
from diffbench.problems import problem

lines = [line for line in inspect.getsource(engine).splitlines() if line.strip()]
len(lines)

# %%
assert len(lines) < 80

# %% [markdown]
# ## A rule for each function
#
# Autograd writes `defvjp(anp.tanh, lambda ans, x: lambda g: g * (1 - ans**2))`. Ours is a row of a table, with the
# partial derivative as text: both VJP and JVP follow from it.

# %%
for function in (np.negative, np.exp, np.log, np.add, np.multiply, np.subtract, np.tanh, np.reciprocal):
    print(f"{function.__name__:12}", [partial.text for partial in TABLE[function].partials])

# %% [markdown]
# What runs through the function leaves nodes: value, function, arguments, parents, and the rule to go back by.

# %%
db.trace(lambda z: 1.0 / (1.0 + np.exp(-z)), 1.5).autograd_view()

# %% [markdown]
# ## A box around every value
#
# NumPy asks its arguments first: a call on a box arrives at the `process` of its graph. It unboxes, calls, and boxes
# the result with a node that knows its parents.

# %%
print(inspect.getsource(Node))

# %%
print(inspect.getsource(Graph))

# %% [markdown]
# The logistic function of the lecture, $1 / (1 + e^{-z})$ at $z = 1.5$, leaves four nodes:

# %%
graph, start = Graph(), Node()
y = np.reciprocal(1.0 + np.exp(np.negative(Box(1.5, graph, start))))
y

# %%
order = list(toposort(y.node))
[node.primitive.name if node.primitive else "start" for node in order]

# %%
assert abs(y.primal - 0.8175744761936437) < 1e-16
assert [node.primitive.name for node in order[:-1]] == ["numpy.reciprocal", "numpy.add", "numpy.exp", "numpy.negative"]

# %% [markdown]
# ## The order of the way back
#
# A node may only pass its cotangent on when all its children have given theirs. So each waits until its last child has
# been visited.

# %%
print(inspect.getsource(toposort))

# %% [markdown]
# Here $x$ is used three times, and comes last all the same:

# %%
x = Node()
box = Box(0.7, graph, x)
end = (np.sin(box) * box + box).node
[node.primitive.name if node.primitive else "start" for node in toposort(end)]

# %%
assert list(toposort(end))[-1] is x
assert len(set(toposort(end))) == len(list(toposort(end))) == 4

# %% [markdown]
# ## The way back

# %%
print(inspect.getsource(backward_pass))

# %%
slope = backward_pass(1.0, y.node)
slope

# %%
assert abs(slope - 0.14914645207033286) < 1e-16

# %% [markdown]
# ## grad
#
# Box, run, walk back: that is all.

# %%
print(inspect.getsource(grad))

# %% [markdown]
# ## Against the real one
#
# To rounding, on functions with loops, branches and matrices (what is used many times may be summed in another order):

# %%
for name in ("helmholtz", "rosenbrock_loop", "speelpenning", "soft_relu_branch", "logistic_regression"):
    p = problem(name)
    x, *others = p.point(8)
    ours, real = grad(lambda x, p=p, o=others: p.function(x, *o))(x), db.gradient(p.function)(x, *others)
    np.testing.assert_allclose(ours, real, rtol=1e-12)
    print(f"{name:20}", real[:3].round(6))

# %% [markdown]
# It nests, too: `process` calls the primitive on what is left after unboxing, and that may be a box of an outer run.

# %%
grad(grad(grad(np.sin)))(0.5), -np.cos(0.5)

# %%
assert grad(lambda x: grad(lambda y: x * y)(x))(5.0) == 1.0
assert abs(grad(grad(grad(np.sin)))(0.5) + np.cos(0.5)) < 1e-15

# %% [markdown]
# What does the real one do better? Numbers take a shorter way, and entries of arrays are gathered in place:

# %%
p = problem("rosenbrock_loop")
(x,) = p.point(200)
turns = time_calls({"real": lambda: db.gradient(p.function)(x), "page": lambda: grad(p.function)(x)}, rounds=3)
turns["page"].ratio_to(turns["real"])

# %%
exercise = EXERCISES["an_engine"]
exercise

# %%
answer = ...
exercise.check(answer)

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
# # 2 · Expression swell
#
# **Claim.** The derivative of a short program can be a huge formula. But how huge depends on how it is written down:
# as a *tree* it explodes, as a *graph* that shares its parts it does not, and the program that automatic
# differentiation runs is shorter still.
#
# Our short program is the logistic map, $l_1 = x$ and $l_{n+1} = 4\,l_n(1 - l_n)$: a plain Python loop.

# %%
# %matplotlib inline
import inspect

import sympy
from ipywidgets import IntSlider, interact

import diffbench as db
from diffbench import plotting
from diffbench.expressions import Product, distinct_nodes, shared_operations, sum_latex, tree_operations
from diffbench.lecture.exercises import EXERCISES
from diffbench.problems import problem
from diffbench.tape import record

logistic = problem("logistic_loop").function
print(inspect.getsource(logistic))

# %% [markdown]
# ## A loop becomes a formula
#
# Run it on a symbol instead of a number, and out comes the formula that it computes.

# %%
x = sympy.Symbol("x")
logistic(x, 4)

# %%
slope = sympy.diff(logistic(x, 4), x)
slope

# %% [markdown]
# Drag $n$, and watch the derivative grow:

# %%
_ = interact(lambda n: sympy.diff(logistic(x, n), x), n=IntSlider(3, 1, 6))

# %% [markdown]
# It is right: at $x = 1/5$ the derivative of $l_4$ is $9.0660864$ exactly.

# %%
slope.subs(x, sympy.Rational(1, 5)).evalf()

# %%
assert slope.subs(x, sympy.Rational(1, 5)) == sympy.Rational(90660864, 10**7)

# %% [markdown]
# ## As a tree, it explodes
#
# Count the operations as they are printed. (By a visit to each distinct node: walking the tree takes as long as
# the tree is large.)

# %%
slopes = {n: sympy.diff(logistic(x, n), x) for n in range(2, 13)}
tree = {n: tree_operations(slopes[n]) for n in slopes}
tree

# %%
assert all(tree[n + 1] > 2 * tree[n] for n in range(2, 12))

# %% [markdown]
# ## As a graph, it does not
#
# Most of these operations are the same ones again and again. Count each distinct part once, or let SymPy take out
# common subexpressions (CSE):

# %%
graph = {n: distinct_nodes(slopes[n]) for n in slopes}
shared = {n: shared_operations(slopes[n]) for n in slopes}
print("distinct nodes:", graph)
print("after CSE:     ", shared)

# %%
assert tree[12] > 195_000
assert graph[12] < 150

# %% [markdown]
# So "symbolic differentiation is exponential" is half a truth. The *tree* is exponential; the *graph* grows like
# $n^2$. What makes trees is multiplying out, simplifying, or writing a formula down on paper.
#
# ## What the lecture writes down
#
# SymPy turns `4*(1 - x)` into `4 - 4*x` before we can look, so the product rule of the lecture is done by
# `Product`, which keeps its factors.

# %%
l3 = Product(16, ((x, 1), (1 - x, 1), (1 - 2 * x, 2)))
print("l_3  =", l3.latex())
print("l_3' =", sum_latex(l3.derivative(x)))

# %%
assert sum_latex(l3.derivative(x)) == "16(1 - x)(1 - 2x)^2 - 16x(1 - 2x)^2 - 64x(1 - x)(1 - 2x)"

# %% [markdown]
# ## What automatic differentiation does
#
# It never makes a formula. Running $l_n$ leaves a list of its elementary operations, the *Wengert list*; each one has
# one local partial derivative for each of its inputs.

# %%
tapes = {n: record(lambda v, n=n: logistic(v, n), 0.2) for n in slopes}
trace = {n: len(tape) + tape.partials() for n, tape in tapes.items()}
trace

# %% [markdown]
# Three operations and four partials for each step of the loop: linear in $n$.

# %%
assert all(trace[n] == 7 * (n - 1) for n in trace)

# %% [markdown]
# And the number that comes out is the same one, without any formula:

# %%
db.derivative(lambda v: logistic(v, 4))(0.2)

# %%
assert abs(db.derivative(lambda v: logistic(v, 4))(0.2) - 9.0660864) < 1e-13

# %% [markdown]
# ## All together

# %%
with plotting.style():
    figure, ax = plotting.figure("Size of the derivative of lₙ", "n", "operations")
    plotting.log_axes(ax, x=False)
    plotting.line(ax, list(tree), list(tree.values()), "symbolic", "tree")
    plotting.line(ax, list(shared), list(shared.values()), "symbolic-shared", "after CSE")
    plotting.line(ax, list(graph), list(graph.values()), "symbolic-graph", "distinct nodes")
    plotting.line(ax, list(trace), list(trace.values()), "forward", "AD trace")
    plotting.label_lines(ax)
figure

# %% [markdown]
# The whole experiment, up to $n = 14$, with expanded and simplified forms and the seconds that they take:
# `diffbench run expression_swell`.

# %%
exercise = EXERCISES["expression_swell"]
exercise

# %%
answer = ...
exercise.check(answer)

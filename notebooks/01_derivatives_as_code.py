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
# # 1 · Derivatives as code
#
# **Claim.** A derivative is a program, like the function it belongs to. One can write it by hand, from a formula or
# along the code; and one can get it wrong.

# %%
# %matplotlib inline
import inspect

import numpy as np
from ipywidgets import IntSlider, interact

import diffbench as db
from diffbench.lecture.examples import sines
from diffbench.lecture.exercises import EXERCISES
from diffbench.lecture.pictures import iterate
from diffbench.lecture.slides import SLIDES
from diffbench.lecture.slides.differentiation import l4
from diffbench.problems import problem

# %% [markdown]
# ## One function, two programs
#
# The logistic map, $l_1 = x$ and $l_{n+1} = 4\,l_n(1 - l_n)$. Multiplied together, $l_4$ is a closed form. But nobody
# would write it so; it is a loop.

# %%
print(inspect.getsource(l4))
loop = problem("logistic_loop").function
print(inspect.getsource(loop))

# %%
l4(0.2), loop(0.2, 4)

# %%
assert abs(l4(0.2) - 0.28901376) < 1e-15
assert abs(loop(0.2, 4) - l4(0.2)) < 1e-15

# %% [markdown]
# A slide of the lecture prints the closed form as `64 * (1-x) * (1-2*x)^2 * ...`. Python says something else:

# %%
SLIDES["closed_form"]()

# %% [markdown]
# ## What the loop does to x
#
# Drag $n$: each step folds the interval once more, and the derivative, below, doubles its zeros.

# %%
_ = interact(iterate, n=IntSlider(4, 1, 7))

# %%
iterate(4)

# %% [markdown]
# ## By hand, along the code
#
# Each line of the loop, `v = 4 * v * (1 - v)`, has a derivative of its own, $4 - 8v$. The chain rule multiplies them.

# %%
v, slope = 0.2, 1.0
for _ in range(3):
    slope, v = (4 - 8 * v) * slope, 4 * v * (1 - v)
v, slope

# %% [markdown]
# Is it right? The same Python function, run on numbers of 50 digits, says so.

# %%
truth = db.reference(lambda x: loop(x, 4), 0.2, quantity="derivative")
truth

# %%
assert abs(slope - 9.0660864) < 1e-14
assert abs(slope - float(truth)) < 1e-14

# %% [markdown]
# ## By hand, from a formula
#
# The soft ReLU, $y = \log(1 + e^{b + wx})$. Its derivative by $w$ has the factor $x$; the one that a slide prints, with
# the factor $w$, is the derivative by $x$. Formulas look alike, numbers do not.

# %%
w, b, x = 1.0, 0.5, 2.0
sigmoid = 1 / (1 + np.exp(-(b + w * x)))
print("x σ(z) =", x * sigmoid, "  w σ(z) =", w * sigmoid)

# %%
soft_relu = lambda w, b, x: np.log(1 + np.exp(b + w * x))  # noqa: E731
by_w, by_x = db.gradient(soft_relu, argnum=(0, 2))(w, b, x)
by_w, by_x

# %%
assert abs(by_w - 1.84828363995751) < 1e-14
assert abs(by_x - 0.92414181997876) < 1e-14

# %% [markdown]
# ## A derivative written by hand is a backend like any other
#
# So it can be compared, entry by entry, and timed. The chain of two soft ReLUs, by hand and by reverse mode:

# %%
chain = problem("soft_relu")
by_hand = db.gradient(chain.function, backend="manual", gradient=chain.derivative)(*chain.point(2))
by_hand, db.gradient(chain.function)(*chain.point(2))

# %%
assert abs(by_hand[0] - 1.05878282175733) < 1e-14
np.testing.assert_allclose(by_hand, db.gradient(chain.function)(*chain.point(2)), rtol=1e-15)

# %% [markdown]
# The other notebooks let the machine do it: with symbols, with differences, and with the chain rule along the code.

# %%
print(inspect.getsource(sines))
exercise = EXERCISES["derivatives_as_code"]
exercise

# %%
answer = ...
exercise.check(answer)

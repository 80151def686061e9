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
# # 10 · Is my gradient right, and whom can I believe?
#
# **Claim.** A gradient written by hand can be checked to the last digits, entry by entry, and the check can say what is
# wrong. Differences alone cannot: they blur what is small.
#
# The function is the Helmholtz energy of the lecture, with the gradient that we derived on paper.

# %%
import numpy as np

import diffbench as db
from diffbench.problems import problem
from diffbench.testing import check_gradient

helmholtz = problem("helmholtz")
f, gradient = helmholtz.function, helmholtz.derivative
x, A, b = helmholtz.point(5)
print(check_gradient(f, gradient, x, A, b))


# %% [markdown]
# ## Four mistakes
#
# Each of them has been made by somebody in this room.


# %%
def verdict(wrong):
    """The line of the message that says what the mistake looks like."""
    try:
        check_gradient(f, wrong, x, A, b)
    except AssertionError as error:
        return str(error).splitlines()[1].strip()
    return "passed"


mistakes = {
    "axes": lambda x, A, b: gradient(x, A, b)[::-1],
    "sign": lambda x, A, b: gradient(x, A, b) * [1, 1, -1, 1, 1],
    "mean": lambda x, A, b: gradient(x, A, b) / len(x),
    "typo": lambda x, A, b: gradient(x, A, b) * (1 + 1e-6),
}
said = {name: verdict(wrong) for name, wrong in mistakes.items()}
said

# %%
assert "reversed" in said["axes"]
assert "entry 2 has the wrong sign" in said["sign"]
assert "1/5" in said["mean"]
assert "1e-06" in said["typo"]

# %% [markdown]
# ## What a difference quotient would have seen
#
# A forward difference is right to about $\sqrt\varepsilon$. In a slope of $10^{-10}$ beside others of order one, it
# sees nothing at all.

# %%
weights = np.array([1.0, 1e-10])


def uneven(x):
    return np.sum(weights * np.sin(x))


point = np.array([0.3, 0.7])
quotient = db.gradient(uneven, backend="finite-forward")(point)
truth = weights * np.cos(point)
abs(quotient - truth) / truth

# %%
assert abs(quotient - truth)[1] > 0.99 * truth[1]
check_gradient(uneven, lambda x: weights * np.cos(x), point)

# %% [markdown]
# ## When methods disagree
#
# Somebody has to be wrong. `db.diagnose` says who, and why: here $1 - \cos x$ loses the digits of everybody.


# %%
def versine(x):
    c = np.cos(x)
    return (1 - c) / x**2


diagnosis = db.diagnose(versine, 1e-6)
diagnosis.methods_frame

# %%
{finding.kind: finding.advice for finding in diagnosis.findings}

# %%
assert "cancellation" in diagnosis.kinds
assert "cancellation" not in db.diagnose(lambda x: 2 * (np.sin(x / 2) / x) ** 2, 1e-6).kinds

# %% [markdown]
# **Try.** Where is the kink of $\max(x_0, x_1)$, and what does each method answer there? What does `diagnose` say of
# your own function?
#
# The whole experiment, with mistakes of every kind in the gradients of all our problems, and the checkers of SciPy,
# autograd, JAX and PyTorch beside ours: `diffbench run check_power`.

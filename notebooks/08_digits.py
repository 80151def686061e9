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
# # 8 · Backpropagation, and digits
#
# **Claim.** Backpropagation is reverse mode on layers: each step is one product of matrices. Whoever computes the
# gradient, the network learns the same.

# %%
# %matplotlib inline
import numpy as np

import diffbench as db
from diffbench import plotting
from diffbench.lecture import backpropagation
from diffbench.lecture.backpropagation import ACTIVATIONS, Network, affine_backward, first_order
from diffbench.lecture.exercises import EXERCISES
from diffbench.lecture.slides import SLIDES
from diffbench.problems import problem
from diffbench.problems.training import accuracy, descend, digits, epoch, random_layers, recognised

# %% [markdown]
# ## One affine layer
#
# $z = W y + b$ and $D = \frac12 |z|^2$. In the lecture vectors are columns and gradients are rows: the chain rule reads
# $\nabla_y D = \nabla_z D \, W$, and $\nabla_W D = y \, \nabla_z D$ has the shape of $W^T$.

# %%
W, y, b = problem("affine_loss").point()
z = W @ y + b
by_W, by_y, by_b = affine_backward(W, y[:, None], z[None, :])
by_y, by_b, by_W

# %%
assert by_y.tolist() == [[47.5, 63.5, 79.5]]
assert by_W.tolist() == [[5.5, 10.5], [-5.5, -10.5], [11, 21]]

# %% [markdown]
# NumPy gives each gradient the shape of what it belongs to; so does every backend:

# %%
db.gradient(problem("affine_loss").function, argnum=(0, 1, 2))(W, y, b)

# %% [markdown]
# What does it mean to differentiate by a matrix? When $W$ moves by $\Delta W$, $D$ moves by
# $\sum_{ij} \partial D / \partial W_{ij} \, \Delta W_{ij}$: the Frobenius product, a sum over all entries, and not a
# product of matrices.

# %%
D, change = problem("affine_loss").function, np.array([[0.5, -1.0, 0.25], [1.0, 0.5, -0.75]])
for t in (1e-1, 1e-2, 1e-3):
    print(f"ΔD = {D(W + t * change, y, b) - D(W, y, b):.8f}   first order {t * first_order(by_W, change):.8f}")

# %%
left = D(W + change, y, b) - D(W, y, b) - first_order(by_W, change)
assert abs(left - 0.5 * np.sum((change @ y) ** 2)) < 1e-13  # D is quadratic: this is all of the rest

# %% [markdown]
# ## N layers
#
# A network of a tanh layer and a sigmoid, and the divergence KL for the answer $d = 1$. The backward pass:

# %%
network, x, d = Network(("tanh", "sigmoid"), "binary"), np.array([1.0, 2.0]), 1.0
layers = [(np.array([[0.1, 0.2], [0.3, 0.4]]), np.array([0.1, -0.1])), (np.array([[0.5, -0.6]]), np.array([0.2]))]
backpropagation.table(network.backward(layers, x, d))

# %% [markdown]
# The same as reverse mode finds, in NumPy's shapes:

# %%
db.gradient(network.value)(layers, x, d)

# %%
for by_hand, found in zip(network.gradient(layers, x, d), db.gradient(network.value)(layers, x, d), strict=True):
    np.testing.assert_allclose(by_hand[0], found[0], rtol=1e-14)
    np.testing.assert_allclose(by_hand[1], found[1], rtol=1e-14)

# %% [markdown]
# ## Y - d
#
# The Jacobian of softmax is a full matrix, and the gradient of KL by the output has a division by it. Multiplied, all
# that is left is output minus desired.

# %%
output = ACTIVATIONS["softmax"].function(np.array([1.0, 2.0, 3.0]))
ACTIVATIONS["softmax"].jacobian(output)

# %%
by_z = (-np.array([0, 0, 1]) / output) @ ACTIVATIONS["softmax"].jacobian(output)
by_z

# %%
np.testing.assert_allclose(by_z, output - np.array([0, 0, 1]), rtol=1e-14)
assert all(check.holds for check in SLIDES["ten_digits"]().checks)

# %% [markdown]
# ## Logistic regression, as Autograd's example has it
#
# 100 steps of 0.01 from zero: the losses are those of the slide, to the last digit.

# %%
SLIDES["logistic_regression"]()

# %%
assert SLIDES["logistic_regression"]().rows[0][1] == "2.772588722239781"
assert SLIDES["logistic_regression"]().rows[-1][1].startswith("0.389007543155811")

# %% [markdown]
# ## Ten digits
#
# 1437 images of 8 × 8 pixels to learn from, 360 to be tested with.

# %%
train, test = digits()
figure, axes = plotting.panels("What is to be recognised", 1, 8, size=(13, 2.5))
for ax, image, label in zip(axes, train.inputs, train.labels):
    ax.imshow(image.reshape(8, 8), cmap="gray_r")
    ax.set_title(str(label))
figure

# %% [markdown]
# One hidden layer of 32 tanh units, softmax, and gradient descent with momentum, by two gradients: the one derived by
# hand, and reverse mode.

# %%
mlp = problem("mlp")
gradients = {
    "manual": db.gradient(mlp.function, backend="manual", gradient=mlp.derivative),
    "reverse": db.gradient(mlp.function, backend="reverse"),
}
start, targets, losses = random_layers([64, 32, 10]), train.one_hot(), {}

# %%
for name, gradient in gradients.items():
    layers, losses[name] = start, []
    for number in range(20):
        *_, layers = descend(gradient, layers, epoch(train.inputs, targets, 64, number), rate=0.2, momentum=0.9)
        losses[name].append(mlp.function(layers, train.inputs, targets))
    print(f"{name:8} loss {losses[name][-1]:.16f}   accuracy {accuracy(layers, test.inputs, test.labels):.1%}")

# %%
np.testing.assert_allclose(losses["manual"], losses["reverse"], rtol=1e-12)
assert accuracy(layers, test.inputs, test.labels) >= 0.96

# %%
with plotting.style():
    figure, ax = plotting.figure("Ten digits: the same loss by both gradients", "epoch", "training loss")
    plotting.log_axes(ax, x=False)
    plotting.line(ax, range(1, 21), losses["manual"], "manual", marker="", linewidth=9)
    plotting.line(ax, range(1, 21), losses["reverse"], "reverse", marker="")
    plotting.label_lines(ax)
figure

# %% [markdown]
# ## What it has learned
#
# The weights of each hidden unit, as an image: what it looks for.

# %%
figure, axes = plotting.panels("Weights of eight of the 32 hidden units", 1, 8, size=(13, 2.5))
for ax, weights in zip(axes, layers[0][0].T):
    ax.imshow(weights.reshape(8, 8), cmap="RdBu_r", vmin=-1.5, vmax=1.5)
figure

# %% [markdown]
# And what it takes for something else:

# %%
taken = recognised(layers, test.inputs)
wrong = np.flatnonzero(taken != test.labels)
figure, axes = plotting.panels(f"{len(wrong)} of {len(test)} digits are not recognised", 1, 5, size=(13, 3))
for ax, k in zip(axes, wrong):
    ax.imshow(test.inputs[k].reshape(8, 8), cmap="gray_r")
    ax.set_title(f"{test.labels[k]}, taken for {taken[k]}")
figure

# %% [markdown]
# ## 2 or not 2
#
# One output, a sigmoid, and KL for yes or no.

# %%
binary = problem("mlp_binary")
batches = (batch for number in range(20) for batch in epoch(train.inputs, train.is_digit(2), 64, number))
*_, layers = descend(db.gradient(binary.function), random_layers([64, 16, 1]), batches, rate=0.2, momentum=0.9)
accuracy(layers, test.inputs, test.is_digit(2))

# %%
assert accuracy(layers, test.inputs, test.is_digit(2)) >= 0.99

# %% [markdown]
# With forward mode, complex step and differences too, with JAX and PyTorch where they are installed, and what an epoch
# costs with each: `diffbench run digits`.

# %%
exercise = EXERCISES["digits"]
exercise

# %%
answer = ...
exercise.check(answer)

"""The kinds of table row. A kind turns the least that one must say about a function into all of its rules.

| kind        | the row says                              | what follows                                          |
|-------------|-------------------------------------------|-------------------------------------------------------|
| Elementwise | one partial an operand, as text           | push = Σ ∂ᵢ·ẋᵢ; pull = ȳ·∂ᵢ, summed where broadcast   |
| Linear      | the transpose                             | push is the function itself                           |
| Bilinear    | the transpose in each operand             | push is f(ẋ₁, x₂) + f(x₁, ẋ₂)                         |
| General     | JVP and VJP                               |                                                       |
| Constant    | nothing                                   | derivative zero: comparisons, floor, argmax, ...      |
| Composite   | the function in terms of other rows       | everything                                            |
| Refused     | why it has no derivative here             | a clear error                                         |

Rows are found by the NumPy function they speak for. `bind` has that function's own signature and splits a call into
operands and params. `examples` are calls on which the tests of the table check every rule of the row.
"""

import inspect
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffbench.errors import DiffbenchError, UnsupportedPrimitive, user_location
from diffbench.large_arrays import into, pooled
from diffbench.memory import SMALLEST, is_whole
from diffbench.primitives.arrays import (  # noqa: F401  (rows import them from here)
    FLOAT,
    as_operand,
    dtype_of,
    is_one_number,
    numbers_of,
    rank_of,
    shape_of,
    spread,
    stack_traced,
    sum_of,
    sum_of_products,
    unbroadcast,
)
from diffbench.primitives.partial import RULE_NAMES, ExactConstant, Partial, rule_name, scaled  # noqa: F401  (rows import them from here)
from diffbench.primitives.primitive import Primitive, Traced


class Row:
    """One line of the table, for one NumPy function."""

    def __init__(self, function: Callable, *, name: str | None = None, examples: Sequence[str] = ()):
        self.function = function
        self.name = name or qualified_name(function)
        self.examples = tuple(examples)

    def call(self, args: Sequence, kwargs: dict) -> Any:
        """What NumPy's function called with these arguments gives, some of them traced."""
        raise NotImplementedError


class PrimitiveRow(Row, Primitive):
    """A row that is a primitive: it has rules of its own.

    batch_rule(operands, batched, **params) applies it along a new first axis, or is left out.
    """

    def __init__(
        self,
        function: Callable,
        *,
        bind: Callable[..., tuple[tuple, dict]] | None = None,
        evaluate: Callable | None = None,
        batch_rule: Callable | None = None,
        name: str | None = None,
        examples: Sequence[str] = (),
    ):
        super().__init__(function, name=name, examples=examples)
        self.evaluate = evaluate or function
        self.bind, self.batch_rule = bind, batch_rule

    def call(self, args, kwargs):
        operands, params = self.bound(args, kwargs)
        return self(*operands, **params)

    def bound(self, args: Sequence, kwargs: dict) -> tuple[Sequence, dict]:
        """The operands and params of a call of NumPy's function."""
        if self.bind is None:
            if kwargs:
                raise unsupported_argument(self, next(iter(kwargs)))
            return [as_operand(x) for x in args], kwargs
        try:
            operands, params = self.bind(*args, **kwargs)
        except Exception as error:
            raise refusal(self, self.bind, error, args, kwargs) from error.__cause__
        return [as_operand(x) for x in operands], params

    def batch(self, operands, batched, params):
        return NotImplemented if self.batch_rule is None else self.batch_rule(operands, batched, **params)


class Elementwise(PrimitiveRow):
    """A function that acts entry by entry on broadcast operands.

    function : the NumPy ufunc, or a function with a `bind`.
    partials : text of ∂f/∂operand for each operand, in the operands x (or a, b, c) and the result y; None for an
        operand without derivative. Write it in plain NumPy, so that the dtype is kept: no np.float64 constants.
    exact : text of the function itself in the names common to SymPy and mpmath (see exact/).
    domain : open interval for each operand from which tests sample, away from kinks.
    analytic : whether complex arguments give the analytic continuation; False lets complex step refuse.
    complex_form : text of the analytic continuation where NumPy's function does not take complex numbers; what takes
        more than a text stands in backends/complex_step_forms.py.
    cut : True where NumPy's complex function has values where its real function has none (log, sqrt, arcsin, ...).
    singular : True where a partial can be infinite or undefined at finite operands (log and sqrt at 0, exp at 1000).
    """

    def __init__(
        self,
        function: Callable,
        *partials: str | None,
        exact: str | None = None,
        domain: Sequence[tuple[float, float]] = (),
        analytic: bool = True,
        complex_form: str | None = None,
        cut: bool = False,
        singular: bool = False,
        bind: Callable | None = None,
        evaluate: Callable | None = None,
        name: str | None = None,
        examples: Sequence[str] = (),
    ):
        super().__init__(function, bind=bind, evaluate=evaluate, name=name, examples=examples)
        if evaluate is None and isinstance(function, np.ufunc):
            self.evaluate = pooled(function)
        self.is_a_sum = partials in (("1", "1"), ("1", "-1"))
        self.variables = "x" if len(partials) == 1 else "abcdefgh"[: len(partials)]
        self.partials = [text and Partial(text, "y" + self.variables, singular) for text in partials]
        mentioned = {name for partial in self.partials if partial for name in partial.mentioned}
        self.remembers = [i for i, name in enumerate(self.variables) if name in mentioned]
        self.exact, self.domain = exact, tuple(domain) or ((-2.0, 2.0),) * len(partials)
        self.analytic, self.cut = analytic, cut
        self.complex_form = complex_form and eval(f"lambda {', '.join(self.variables)}: {complex_form}", RULE_NAMES)

    def keep(self, y, operands, wanted, params):
        if not self.analytic:
            refuse_complex(self.name, operands)
        shape = shape_of(y)
        large = y.__class__ is np.ndarray and y.nbytes >= SMALLEST
        links: list = []
        for position in wanted:
            partial = self.partials[position]
            if not partial:
                links.append(None)
                continue
            x = operands[position]
            own = x.shape if x.__class__ is np.ndarray else shape_of(x)
            times = partial.times_large if large else partial.times if shape else partial.times_number
            slope = partial.value if not own and shape and not large else None
            links.append((times, partial.keep(y, *operands), None if own == shape else own, slope))
        return shape, links

    def push(self, tangents, kept):
        shape, links = kept
        if self.is_a_sum and len(tangents) == 2:
            total = self(*tangents)
        else:
            terms = [link[0](tangent, *link[1]) for tangent, link in zip(tangents, links) if link]
            total = sum_into(terms, tangents) if terms else 0 * tangents[0]
        return total if shape_of(total) == shape else np.broadcast_to(total, shape)

    def pull(self, cotangent, kept):
        whole, links = kept
        contributions: list = []
        one_number = is_one_number(cotangent)  # as below a sum: compute with that, and not with an array of it
        if one_number:
            cotangent = cotangent.flat[0]
        for link in links:
            if link is None:
                contributions.append(None)
                continue
            times, values, shape, slope = link
            if slope and cotangent.__class__ is np.ndarray:  # of a number that was broadcast
                factor = slope(*values)
                if getattr(factor, "dtype", cotangent.dtype) is cotangent.dtype:  # and no slope of few digits
                    contributions.append(sum_of_products(cotangent, factor))
                    continue
            contribution = times(cotangent, *values)
            if one_number and shape_of(contribution) != whole:
                contribution = np.broadcast_to(contribution, whole)
            contributions.append(contribution if shape is None else unbroadcast(contribution, shape))
        return contributions

    def batch(self, operands, batched, params):
        rank = max(rank_of(x) - flag for x, flag in zip(operands, batched))
        return self(*[_lift(x, rank) if flag else x for x, flag in zip(operands, batched)], **params)


def slope_row(evaluate: Callable, name: str, *partials: str | None, **options: Any) -> Elementwise:
    """Make a row of a slope, which partials know by its name: differentiated as it stands, it would cancel.

    Of a slope in terms of x and y the first partial is the whole derivative in x, and the second None.
    """
    row = RULE_NAMES[name] = Elementwise(evaluate, *partials, name=name, **options)
    return row


def sum_into(terms: Sequence, others: Sequence) -> Any:
    """The sum of terms; of two large ones in the memory of the second, unless that is one of the others."""
    if len(terms) == 2:
        first, second = terms
        if (
            second.__class__ is np.ndarray
            and second.nbytes >= SMALLEST
            and first.__class__ is np.ndarray
            and (first.shape, first.dtype) == (second.shape, second.dtype)
            and is_whole(second)
            and not any(second is other for other in others)
        ):
            return into(second, np.add, first, second)
    return sum_of(terms)


class Linear(PrimitiveRow):
    """A function that is linear in its operands taken together: reshape, sum, indexing, concatenate, ...

    transpose(cotangent, position, shapes, **params) gives the cotangent of one operand from the shapes of all.
    """

    remembers = ()

    def __init__(self, function: Callable, *, transpose: Callable, **options: Any):
        super().__init__(function, **options)
        self.transpose = transpose

    def keep(self, y, operands, wanted, params):
        return wanted, [shape_of(x) for x in operands], params

    def push(self, tangents, kept):
        wanted, shapes, params = kept
        if len(tangents) == len(shapes):
            return self(*tangents, **params)
        moving = dict(zip(wanted, tangents))
        still = getattr(tangents[0], "dtype", float)
        return self(*[moving[i] if i in moving else np.zeros(shape, still) for i, shape in enumerate(shapes)], **params)

    def pull(self, cotangent, kept):
        wanted, shapes, params = kept
        return [self.transpose(cotangent, position, shapes, **params) for position in wanted]


class Bilinear(PrimitiveRow):
    """A product: linear in each of two operands.

    transposes[i](cotangent, other operand, shape of operand i, **params) gives the cotangent of operand i.
    """

    def __init__(self, function: Callable, *, transposes: Sequence[Callable], **options: Any):
        super().__init__(function, **options)
        self.transposes = transposes

    def keep(self, y, operands, wanted, params):
        return [(position, operands[1 - position], shape_of(operands[position])) for position in wanted], params

    def push(self, tangents, kept):
        links, params = kept
        terms = [
            self(other, tangent, **params) if position else self(tangent, other, **params)
            for tangent, (position, other, shape) in zip(tangents, links)
        ]
        return sum_of(terms)

    def pull(self, cotangent, kept):
        links, params = kept
        return [self.transposes[position](cotangent, other, shape, **params) for position, other, shape in links]


def in_the_precision_of(y: Any, cotangent: Any) -> Any:
    """A cotangent that is no longdouble where y is none: LAPACK has no such numbers, constants behind y may be some."""
    dtype = dtype_of(cotangent)
    return cotangent if dtype.char not in "gG" or dtype == dtype_of(y) else cotangent.astype(dtype_of(y))


class General(PrimitiveRow):
    """A function with a JVP and a VJP of its own.

    jvp_rule(y, operands, tangents, **params); vjp_rule(cotangent, y, operands, wanted, **params), where tangents are
    None for operands that do not move and the VJP gives a list for the wanted positions.
    """

    def __init__(self, function: Callable, *, jvp_rule: Callable, vjp_rule: Callable, **options: Any):
        super().__init__(function, **options)
        self.jvp_rule, self.vjp_rule = jvp_rule, vjp_rule

    def keep(self, y, operands, wanted, params):
        return y, operands, wanted, params

    def push(self, tangents, kept):
        y, operands, wanted, params = kept
        moving = dict(zip(wanted, tangents))
        return self.jvp_rule(y, operands, [moving.get(i) for i in range(len(operands))], **params)

    def pull(self, cotangent, kept):
        y, operands, wanted, params = kept
        return self.vjp_rule(in_the_precision_of(y, cotangent), y, operands, wanted, **params)


class Constant(PrimitiveRow):
    """A function whose derivative is zero wherever it exists; its result carries no trace.

    exact : as for Elementwise, where symbols and 50-digit numbers have the function too.
    """

    constant = True

    def __init__(self, function: Callable, *, exact: str | None = None, **options: Any):
        super().__init__(function, **options)
        self.exact = exact


class Composite(Row):
    """A function expressed in plain NumPy through other rows; `expand` has NumPy's own signature."""

    def __init__(self, function: Callable, expand: Callable, *, name: str | None = None, examples: Sequence[str] = ()):
        super().__init__(function, name=name, examples=examples)
        self.expand = expand

    def call(self, args, kwargs):
        try:
            return self.expand(*args, **kwargs)
        except Exception as error:
            raise refusal(self, self.expand, error, args, kwargs) from error.__cause__


class Refused(Row):
    """A function that cannot be differentiated here, and why."""

    def __init__(self, function: Callable, why: str, *, hint: str | None = None, name: str | None = None):
        super().__init__(function, name=name)
        self.why, self.hint = why, hint

    def call(self, args, kwargs):
        raise UnsupportedPrimitive(
            f"{self.name} has no derivative rule", where=user_location(), why=self.why, hint=self.hint
        )


class NotCovered(TypeError):
    """An argument of a NumPy function lies outside what its row says; `call` tells the user."""


def only_default(**arguments: Any) -> None:
    """Raise NotCovered, naming it, for the first argument that is not None."""
    for name, value in arguments.items():
        if value is not None:
            raise NotCovered(f"{name}={value!r}")


def refusal(row: Row, function: Callable, error: Exception, args: Sequence, kwargs: dict) -> Exception:
    """What to raise for a call that `function` of a row could not follow: what NumPy raises for it on plain arrays.

    So a wrong axis or shape is told in NumPy's words. Where NumPy takes the call, the rule does not cover an argument,
    or the error stands.
    """
    if isinstance(error, NotCovered):
        return unsupported_argument(row, str(error))
    if isinstance(error, DiffbenchError):
        return error
    try:
        numbers, keywords = plain(list(args)), plain(kwargs)
    except TypeError:  # symbols, numbers of many digits, arrays of another library: NumPy does not judge them
        pass
    else:
        with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
            try:
                row.function(*numbers, **keywords)
            except Exception as numpys:
                return numpys
    if isinstance(error, TypeError) and not fits(function, args, kwargs):
        return unsupported_argument(row, str(error))
    return error


def fits(function: Callable, args: Sequence, kwargs: dict) -> bool:
    """Whether a call with these arguments agrees with the signature of a function."""
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def plain(x: Any) -> Any:
    """Copies of the plain numbers below traced values, whatever holds these. Raises TypeError where there are none."""
    if isinstance(x, list | tuple):
        return type(x)(map(plain, x)) if type(x) in (list, tuple) else tuple(map(plain, x))
    if isinstance(x, dict):
        return {key: plain(value) for key, value in x.items()}
    numbers = numbers_of(x)
    if isinstance(x, Traced) and not isinstance(numbers, np.ndarray | np.generic | float | int | complex):
        raise TypeError(f"no plain numbers, but {type(numbers).__name__}")
    if not isinstance(numbers, np.ndarray):
        return numbers
    if numbers.dtype.hasobject:
        raise TypeError("no plain numbers, but objects")
    return numbers.copy()


def unsupported_argument(row: Row, argument: str) -> UnsupportedPrimitive:
    """The error for an argument of a NumPy function that its rule does not cover."""
    return UnsupportedPrimitive(
        f"{row.name}: this call has no derivative rule ({argument})",
        where=user_location(),
        why="the rule of this function covers its mathematical arguments only (no out=, where=, casting= ...)",
        hint="write the call without that argument, or use a finite-difference backend",
    )


def refuse_complex(name: str, operands: Sequence) -> None:
    """Raise UnsupportedPrimitive for complex operands of a function that is not analytic: its rules are for reals."""
    if any(isinstance(x, complex) or getattr(x, "dtype", FLOAT).kind == "c" for x in operands):
        raise UnsupportedPrimitive(
            f"{name} has no derivative rule for complex numbers",
            where=user_location(),
            why="derivatives here are of real functions, and this function of a complex number is not analytic",
            hint="write f with real numbers: cos and sin for exp(1j * x)",
        )


def qualified_name(function: Callable) -> str:
    """The name users know a NumPy function by.

    >>> qualified_name(np.linalg.norm), qualified_name(np.sin)
    ('numpy.linalg.norm', 'numpy.sin')
    """
    name = getattr(function, "__name__", repr(function))
    module = getattr(function, "__module__", None) or "numpy"
    if function is getattr(sys.modules.get("scipy.special"), name, None):
        module = "scipy.special"  # a ufunc does not say where it comes from
    return f"{module}.{name}"


def _lift(x: Any, rank: int) -> Any:
    """Give a batched operand of lower rank the unit axes that broadcasting would give it, behind the batch axis."""
    missing = rank - (rank_of(x) - 1)
    return x if missing == 0 else np.reshape(x, (*shape_of(x)[:1], *(1,) * missing, *shape_of(x)[1:]))

"""db.primitive: functions with derivatives of their own."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import diffbench as db
from diffbench.errors import ResultError

X = np.array([0.5, 1.0, 2.0])
MODES = ("forward", "reverse")
each_pair = pytest.mark.parametrize(("outer", "inner"), [(o, i) for o in MODES for i in MODES])


def plain_sin(x):
    """Refuses to be traced."""
    return np.array([math.sin(t) for t in x])


SINES = {
    "jvp": db.primitive(plain_sin, jvp=lambda primals, tangents, y: np.cos(primals[0]) * tangents[0]),
    "vjp": db.primitive(plain_sin, vjp=lambda primals, y, c: (np.cos(primals[0]) * c,)),
    "both": db.primitive(
        plain_sin, jvp=lambda primals, tangents, y: np.cos(primals[0]) * tangents[0],
        vjp=lambda primals, y, c: np.cos(primals[0]) * c,
    ),
}  # fmt: skip
each_sine = pytest.mark.parametrize("sine", SINES.values(), ids=SINES)


@each_sine
@pytest.mark.parametrize("mode", MODES)
def test_one_rule_serves_both_modes(sine, mode):
    np.testing.assert_allclose(db.gradient(lambda x: np.sum(sine(x) * x), backend=mode)(X), np.cos(X) * X + np.sin(X))


@each_sine
@each_pair
def test_rules_are_differentiated_again(sine, outer, inner):
    hessian = db.jacobian(db.gradient(lambda x: np.sum(sine(x)), backend=inner), backend=outer)(X)
    np.testing.assert_allclose(hessian, -np.diag(np.sin(X)), rtol=1e-14)


@each_sine
def test_many_directions_at_once(sine):
    np.testing.assert_allclose(db.jacobian(sine)(X), np.diag(np.cos(X)), rtol=1e-15)
    np.testing.assert_allclose(db.jacobian(sine, backend="reverse")(X), np.diag(np.cos(X)), rtol=1e-15)


def fill_by_entries(x, t):
    filled = np.zeros_like(t * x)
    for i in range(len(x)):
        filled[i] = np.cos(x[i]) * t[i]
    return filled


FILLING = {
    "jvp": db.primitive(plain_sin, jvp=lambda primals, tangents, y: fill_by_entries(primals[0], tangents[0])),
    "vjp": db.primitive(plain_sin, vjp=lambda primals, y, c: fill_by_entries(primals[0], c)),
}
each_filling = pytest.mark.parametrize("sine", FILLING.values(), ids=FILLING)


@each_filling
@pytest.mark.parametrize("mode", MODES)
def test_a_rule_may_fill_an_array_entry_by_entry(sine, mode):
    x = np.linspace(0.1, 2.0, 5)
    np.testing.assert_allclose(db.jvp(sine, backend=mode)(x, x), np.cos(x) * x, rtol=1e-15)
    np.testing.assert_allclose(db.vjp(sine, backend=mode)(x, x), np.cos(x) * x, rtol=1e-15)
    np.testing.assert_allclose(db.jacobian(sine, backend=mode)(x), np.diag(np.cos(x)), rtol=1e-15)


@each_filling
@each_pair
def test_a_rule_that_fills_an_array_is_differentiated_again(sine, outer, inner):
    x = np.linspace(0.1, 2.0, 5)
    hessian = db.jacobian(db.gradient(lambda x: np.sum(sine(x)), backend=inner), backend=outer)(x)
    np.testing.assert_allclose(hessian, -np.diag(np.sin(x)), rtol=1e-14)


def change_in_place(x, t):
    product, first = t * 1.0, t[:1].copy()
    view = product[1:]
    product *= np.cos(x)
    view[0] *= 2.0  # reaches the product as well
    view[0] = view[0] / 2.0
    first += 1.0
    product[0] = (first[0] - 1.0) * np.cos(x[0])
    return product


CHANGING = {
    "jvp": db.primitive(plain_sin, jvp=lambda primals, tangents, y: change_in_place(primals[0], tangents[0])),
    "vjp": db.primitive(plain_sin, vjp=lambda primals, y, c: change_in_place(primals[0], c)),
}


@pytest.mark.parametrize("sine", CHANGING.values(), ids=CHANGING)
@pytest.mark.parametrize("mode", MODES)
def test_a_rule_may_change_what_it_made_of_many_directions(sine, mode):
    x = np.linspace(0.1, 2.0, 5)
    np.testing.assert_allclose(db.jacobian(sine, backend=mode)(x), np.diag(np.cos(x)), rtol=1e-15)


def test_a_rule_that_decides_by_its_cotangent_is_an_error_where_directions_differ():
    square = db.primitive(lambda x: x * x, vjp=lambda primals, y, c: 2 * c * primals[0] if np.any(c) else 0 * c)
    np.testing.assert_array_equal(db.jacobian(square, backend="reverse")(np.array(3.0)), 6.0)
    with pytest.raises(db.errors.TraceLost, match="differs among the directions"):
        db.jacobian(lambda x: np.stack([square(x[0]), x[0]]), backend="reverse")(X)


def test_containers_constants_and_keywords_pass():
    @db.primitive(
        vjp=lambda primals, y, c: ({"a": c["sum"] * np.ones(3), "b": c["scaled"]}, None),
    )
    def f(p, times, *, name="x"):
        assert isinstance(p["a"], np.ndarray)
        assert name == "given"
        return {"sum": float(np.sum(p["a"])), "scaled": p["b"] * times if times == 1 else p["b"]}

    def total(p):
        y = f(p, 1, name="given")
        return y["sum"] * 2.0 + y["scaled"] ** 2

    gradient = db.gradient(total)({"a": X, "b": 3.0})
    np.testing.assert_array_equal(gradient["a"], [2, 2, 2])
    assert gradient["b"] == 6.0


def test_a_primitive_without_a_rule_is_refused_when_it_is_differentiated():
    f = db.primitive(plain_sin)
    np.testing.assert_array_equal(f(X), np.sin(X))
    with pytest.raises(db.UnsupportedPrimitive, match="jvp="):
        db.jacobian(f)(X)


@pytest.mark.parametrize(
    "rule", [{"jvp": lambda p, t, y: np.ones(2)}, {"vjp": lambda p, y, c: np.ones(2)}], ids=["jvp", "vjp"]
)
def test_a_rule_that_gives_another_shape_is_an_error_that_names_the_function(rule):
    with pytest.raises(db.ResultError, match="plain_sin"):
        db.gradient(lambda x: np.sum(db.primitive(plain_sin, **rule)(x)))(X)


def test_every_argument_that_may_be_given_by_position_reaches_the_rules_by_position():
    seen = []

    def vjp(primals, y, c, *, factor):
        seen.append((primals[1:], factor))
        return c * factor * primals[1] ** 2 * np.cos(primals[0]), None

    @db.primitive(vjp=vjp)
    def f(x, power=2.0, *, factor=1.0):
        return np.sin(x) * factor * power**2

    for value in (f(X, factor=3.0), f(x=X, power=2.0, factor=3.0)):
        np.testing.assert_array_equal(value, np.sin(X) * 12)
    np.testing.assert_allclose(db.gradient(lambda x: np.sum(f(x, factor=3.0)))(X), 12 * np.cos(X), rtol=1e-15)
    np.testing.assert_allclose(db.gradient(lambda x: np.sum(f(power=4.0, x=x)))(X), 16 * np.cos(X), rtol=1e-15)
    assert seen == [((2.0,), 3.0), ((4.0,), 1.0)]


def test_a_traced_keyword_that_no_rule_sees_is_an_error():
    f = db.primitive(lambda x, *, w: x * w, vjp=lambda primals, y, c: c)
    with pytest.raises(db.ArgumentError, match="keyword argument w"):
        db.gradient(lambda w: f(2.0, w=w))(3.0)


@pytest.mark.parametrize("mode", MODES)
def test_what_a_primitive_closes_over_is_not_lost_in_silence(mode):
    def program(x):
        return db.primitive(lambda y: y * x, vjp=lambda primals, y, c: c)(2.0 * x)

    with pytest.raises(db.TraceLost, match="not among its arguments"):
        db.derivative(program, backend=mode)(3.0)


def test_the_function_may_overwrite_its_arguments_and_reuse_its_result():
    buffer = np.zeros(3)

    @db.primitive(vjp=lambda primals, y, c: 2 * primals[0] * c)
    def square(x):
        x *= x
        buffer[:] = x
        return buffer

    np.testing.assert_array_equal(db.gradient(lambda x: np.sum(square(x) * square(2 * x)))(X), 16 * X**3)


@pytest.mark.parametrize("mode", MODES)
def test_integers_masks_and_keywords_count_as_they_were_when_the_function_was_called(mode):
    def weighted(x, k, mask, *, shift):
        return x * k * mask + shift * x

    def pulled(primals, y, c, shift):
        _, k, mask = primals
        return c * (k * mask + shift), None, None

    f = db.primitive(weighted, vjp=pulled)
    g = db.implicit_root(lambda y, x, k, mask, *, shift: y - weighted(x, k, mask, shift=shift), weighted)

    def program(x):
        k, mask, shift = np.array([1, 2, 3]), np.array([True, False, True]), np.ones(3)
        total = np.sum(f(x, k, mask, shift=shift)) + np.sum(g(x, k, mask, shift=shift))
        k[:], mask[:], shift[:] = 7, False, 9.0
        return total

    np.testing.assert_allclose(db.gradient(program, backend=mode)(X), [4.0, 2.0, 8.0], rtol=1e-14)


@pytest.mark.parametrize("mode", MODES)
def test_a_ufunc_can_be_made_a_primitive(mode):
    log = db.primitive(np.log, vjp=lambda primals, y, c: c / primals[0])
    np.testing.assert_array_equal(db.gradient(lambda x: np.sum(log(x)), backend=mode)(X), 1 / X)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("rule", ["jvp", "vjp"])
def test_a_branch_that_is_not_taken_spoils_nothing_through_a_rule(mode, rule):
    rules = {"jvp": lambda primals, tangents, y: tangents[0] / primals[0], "vjp": lambda primals, y, c: c / primals[0]}
    log = db.primitive(np.log, **{rule: rules[rule]})
    with np.errstate(all="ignore"):
        assert db.gradient(lambda x: np.sum(np.where(x > 0, log(x), x)), backend=mode)(np.zeros(1)) == [1.0]


def test_a_gradient_in_threads_of_f_is_that_of_f_where_a_branch_is_not_taken():
    def f(x):
        with ThreadPoolExecutor(1) as threads:
            return threads.submit(lambda: np.sum(np.where(x > 0, np.log(x), x))).result()

    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(db.gradient(f)(np.array([0.0, 2.0])), [1.0, 0.5])


def test_float32_stays_float32_beside_float64():
    @db.primitive(jvp=lambda primals, t, y: {"a": 2 * t[0]["a"], "b": 3 * t[0]["b"]})
    def f(p):
        return {"a": 2 * p["a"], "b": 3 * p["b"]}

    found = db.gradient(lambda p: np.sum(f(p)["a"]) + f(p)["b"])({"a": X.astype(np.float32), "b": 1.0})
    assert found["a"].dtype == np.float32
    assert (found["a"].tolist(), found["b"]) == ([2.0, 2.0, 2.0], 3.0)


def test_a_rule_in_compiled_code_serves_its_own_mode_and_says_so_of_the_other():
    def compiled(primals, y, c):
        return np.array([math.cos(x) for x in primals[0].tolist()]) * np.array([float(k) for k in c])

    sine = db.primitive(plain_sin, vjp=compiled)
    np.testing.assert_array_equal(db.vjp(sine)(X, X), np.cos(X) * X)
    with pytest.raises(
        db.UnsupportedPrimitive, match=r"the vjp of plain_sin cannot be transposed, and there is no jvp"
    ):
        db.jvp(sine)(X, X)


def test_a_rule_that_writes_into_a_plain_array_says_so_where_directions_are_traced():
    def rule(primals, y, c):
        filled = np.zeros(3)
        for i in range(3):
            filled[i] = np.cos(primals[0][i]) * c[i]
        return filled

    with pytest.raises(db.errors.TraceLost, match="assignment into a plain array"):
        db.jacobian(db.primitive(plain_sin, vjp=rule), backend="reverse")(X)


def test_a_rule_with_the_wrong_number_of_cotangents_is_an_error():
    f = db.primitive(lambda x, y: x * y, vjp=lambda primals, y, c: c)
    with pytest.raises(db.ResultError, match="but it has 2 arguments"):
        db.gradient(f)(1.0, 2.0)


@pytest.mark.parametrize("mode", MODES)
def test_a_ufunc_of_two_arguments_can_be_made_a_primitive(mode):
    product = db.primitive(np.multiply, vjp=lambda primals, y, c: (c * primals[1], c * primals[0]))
    np.testing.assert_array_equal(db.jacobian(lambda x: product(x, x + 1), backend=mode)(X), np.diag(2 * X + 1))
    db.checks.check_primitive(product, X, X + 1)


def test_a_primitive_is_one_step_to_every_backend():
    sine = db.primitive(np.sin, jvp=lambda primals, t, y: np.cos(primals[0]) * t[0])
    f = lambda x: np.sum(sine(x) ** 2)  # noqa: E731
    np.testing.assert_allclose(db.gradient(f, backend="finite-central")(X), np.sin(2 * X), rtol=1e-8)
    for backend in ("complex-step", "symbolic"):
        with pytest.raises(db.DiffbenchError):
            db.gradient(f, backend=backend)(X)


def test_threads_do_not_mix_their_calls():
    sine = SINES["both"]
    gradient = db.gradient(lambda x: np.sum(sine(x) * sine(x)))
    points = [X * k for k in range(1, 33)]
    with ThreadPoolExecutor(8) as pool:
        for x, found in zip(points, pool.map(gradient, points)):
            np.testing.assert_allclose(found, np.sin(2 * x), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("contained", [False, True], ids=["alone", "in a container"])
def test_a_complex_result_is_refused_and_no_constant(mode, contained):
    turned = db.primitive(
        lambda x: [x * (1 + 1j)] if contained else x * (1 + 1j),
        jvp=lambda primals, tangents, y: [tangents[0] * (1 + 1j)] if contained else tangents[0] * (1 + 1j),
    )
    with pytest.raises(ResultError, match="returned a complex number"):
        db.derivative(lambda x: abs(np.sum(turned(x))), backend=mode)(2.0)


@pytest.mark.parametrize("mode", MODES)
def test_a_result_that_is_no_number_is_refused_by_its_type(mode):
    named = db.primitive(lambda x: "name", vjp=lambda primals, y, cotangent: None)
    with pytest.raises(ResultError, match="returned an object of type str"):
        db.derivative(lambda x: len(named(x)) * x, backend=mode)(2.0)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("contained", [False, True], ids=["alone", "in a container"])
def test_a_jvp_that_forgets_a_tangent_is_an_error_in_both_modes(mode, contained):
    double = db.primitive(
        lambda x: (x, 2 * x) if contained else 2 * x,
        jvp=lambda primals, tangents, y: (tangents[0], None) if contained else None,
    )
    with pytest.raises(ResultError, match=r"the jvp of .* gave None"):
        db.derivative(lambda x: np.sum(double(x)), backend=mode)(2.0)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("rule", ["jvp", "vjp"])
def test_a_rule_for_a_complex_argument_may_give_real_numbers(rule, mode):
    rules = {"jvp": lambda primals, tangents, y: tangents[0].real, "vjp": lambda primals, y, cotangent: cotangent}
    real = db.primitive(lambda z: z.real, **{rule: rules[rule]})
    assert db.gradient(lambda x: np.sum(real(x * (2 + 1j)) * x), backend=mode)(X).tolist() == (4 * X).tolist()

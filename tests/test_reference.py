"""The 50-digit truth against closed forms, published digits, and central differences of many digits."""

import threading

import mpmath
import numpy as np
import pytest
from mpmath import mpf

import diffbench as db
from diffbench.problems import problem
from diffbench.reference import correctly_rounded, digits_right, reference, relative_error
from tests.primitives.examples import OF_REALS, each_of


@pytest.fixture(autouse=True)
def many_digits():
    """What the tests themselves compute, they compute with more digits than the truth has."""
    with mpmath.workdps(150):
        yield


def agree(found, expected, digits=50):
    """Whether all entries agree to so many significant digits."""
    pairs = zip(np.asarray(found, dtype=object).flat, np.asarray(expected, dtype=object).flat, strict=True)
    return np.shape(found) == np.shape(expected) and all(
        abs(a - b) <= abs(b) * mpf(10) ** (1 - digits) for a, b in pairs
    )


# -- closed forms and published digits ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["logistic_loop", "logistic_recursion", "logistic_while"])
@pytest.mark.parametrize("n", [1, 2, 5, 14])
def test_logistic_map_has_the_digits_of_its_chebyshev_form(name, n):
    """l_n' = N U_{N-1}(1 - 2x) with N = 2^(n-1): at n = 14 a polynomial of degree 8192."""
    x, count = 0.2, 2 ** (n - 1)
    found = reference(problem(name).function, x, n, quantity="derivative")
    assert agree(found, count * mpmath.chebyu(count - 1, 1 - 2 * mpf(x)))


def test_a_chaotic_program_gets_all_the_precision_it_needs():
    """400 doublings lose 120 digits; the closed form is l_n' = N sin(2 N theta) / sin(2 theta)."""
    found = reference(problem("logistic_loop").function, 0.2, 401, quantity="derivative")
    with mpmath.workdps(400):
        theta, count = mpmath.asin(mpmath.sqrt(mpf(0.2))), mpf(2) ** 400
        assert agree(found, count * mpmath.sin(2 * count * theta) / mpmath.sin(2 * theta))


def test_squire_trapp_function_has_its_published_thirty_digits():
    found = reference(problem("squire_trapp_ratio").function, 1.5, quantity="derivative")
    assert mpmath.nstr(found, 30) == "3.62203370071632604259777098114"


def test_martins_function_has_its_published_digits():
    assert mpmath.nstr(reference(problem("martins").function, 1.5), 16) == "4.053427893898621"


def helmholtz(x, A, b):
    """Written without constants, so that an mpf argument makes all of it exact."""
    s, root = np.dot(b, x), np.sqrt(b[0] * 0 + 2)
    ratio = (1 + (1 + root) * s) / (1 + (1 - root) * s)
    return np.sum(x * np.log(x / (1 - s))) - np.dot(x, np.dot(A, x)) / (2 * root * s) * np.log(ratio)


def test_helmholtz_energy_has_its_eighteen_digits():
    x = np.array([mpf("0.1"), mpf("0.2"), mpf("0.3")])
    A = np.array([[mpf(1) / (1 + i + j) for j in range(3)] for i in range(3)])
    value = reference(helmholtz, x, A, x.copy(), quantity="value", argnum=(0, 2))
    gradient = reference(helmholtz, x, A, x.copy())
    assert mpmath.nstr(value, 18) == "-0.921505099240162486"
    published = [-1.606322243725972, -0.6440249090444438, -0.07575073663172266]
    assert correctly_rounded(gradient).tolist() == pytest.approx(published, rel=4e-16)


def test_speelpenning_gradient_is_the_product_over_each_factor():
    x = problem("speelpenning").point()[0]
    product = mpmath.fprod(map(mpf, x))
    assert agree(reference(np.prod, x), [product / mpf(t) for t in x])


def test_powell_singular_function_gives_integers():
    def powell(x):
        return (x[0] + 10 * x[1]) ** 2 + 5 * (x[2] - x[3]) ** 2 + (x[1] - 2 * x[2]) ** 4 + 10 * (x[0] - x[3]) ** 4

    x = np.array([3.0, -1.0, 0.0, 1.0])
    assert reference(powell, x, quantity="value") == 215
    assert reference(powell, x).tolist() == [306, -144, -2, -310]
    hessian = [[482, 20, 0, -480], [20, 212, -24, 0], [0, -24, 58, -10], [-480, 0, -10, 490]]
    assert reference(powell, x, quantity="hessian").tolist() == hessian
    assert reference(powell, x, np.ones(4), quantity="hvp").tolist() == [22, 208, 24, 0]


@pytest.mark.parametrize("name", ["rosenbrock", "rosenbrock_loop"])
def test_rosenbrock_gives_its_published_integers(name):
    f = problem(name).function
    assert reference(f, np.array([0.5, 1.0])).tolist() == [-151, 150]
    assert reference(f, np.array([1.0, 1.0]), quantity="hessian").tolist() == [[802, -400], [-400, 200]]


# -- the whole table ---------------------------------------------------------------------------------------------------


def moved(example, direction, step):
    """The point of an example, shifted along a direction by a step of many digits."""
    shift = np.frompyfunc(lambda x, v: mpf(float(x)) + step * mpf(float(v)), 2, 1)
    return [np.asarray(shift(x, v), dtype=object)[()] for x, v in zip(example.point, direction, strict=True)]


@each_of([e for e in OF_REALS if e.point and not e.name.startswith("i0")])
def test_no_row_of_the_table_falls_back_to_double_precision(example):
    """A central difference with step 1e-30, computed with 100 digits, knows the values of f only, and no rule."""
    step, direction = mpf(10) ** -30, example.direction(seed=1)
    above, below = (
        reference(
            example.f, *moved(example, direction, sign * step), quantity="value", argnum=example.argnums, digits=100
        )
        for sign in (1, -1)
    )
    found = reference(example.f, *example.point, direction, quantity="jvp", argnum=example.argnums, branches="exact")
    difference = (np.asarray(above, dtype=object) - below) / (2 * step)
    assert np.all(abs(np.asarray(found, dtype=object) - difference) < mpf(10) ** -45)


@each_of([e for e in OF_REALS if e.point and not e.name.startswith("i0")])
def test_forward_and_reverse_mode_share_fifty_digits(example):
    direction, weights = example.direction(seed=1), example.weights(seed=2)
    pushed = reference(example.f, *example.point, direction, quantity="jvp", argnum=example.argnums)
    pulled = reference(example.f, *example.point, weights, quantity="vjp", argnum=example.argnums)
    assert abs(inner(pushed, weights) - sum(map(inner, pulled, direction))) < mpf(10) ** -47


def inner(exact, floats):
    pairs = zip(np.asarray(exact, dtype=object).flat, np.asarray(floats).flat, strict=True)
    return mpmath.fsum(a * mpf(float(b)) for a, b in pairs)


# -- branches ----------------------------------------------------------------------------------------------------------


def newton_root(a):
    y, before = 1.0, 0.0
    while y != before:
        y, before = 0.5 * (y + a / y), y
    return y


def test_a_loop_that_waits_for_convergence_takes_the_turns_that_floats_take_and_says_so():
    with pytest.warns(db.ReferenceWarning, match=r"gone elsewhere at numpy.not_equal at .*test_reference.py"):
        found = reference(newton_root, 2.0, quantity="derivative")
    assert agree(found, 1 / (2 * mpmath.sqrt(2)), digits=40)
    assert not agree(found, 1 / (2 * mpmath.sqrt(2)))


def test_high_precision_may_decide_for_itself():
    found = reference(newton_root, 2.0, quantity="derivative", branches="exact")
    assert agree(found, 1 / (2 * mpmath.sqrt(2)))


@pytest.mark.parametrize(
    ("f", "as_floats", "exactly"),
    [
        (lambda x: x**2 if 3 * x > 0.3 else 7 * x, 0.2, 0.2),
        (lambda x: x**2 if 3 * x == 0.30000000000000004 else 7 * x, 0.2, 7),
        (lambda x: np.abs(3 * x - 0.30000000000000004), 0, -3),
        (lambda x: np.maximum(3 * x, 0.30000000000000004), 1.5, 0),
        (lambda x: np.where(np.floor(30 * x + 1e-17) == 3, x**2, x), 0.2, 0.2),
    ],
)
def test_the_branch_of_the_floats_is_taken_where_rounding_decides(f, as_floats, exactly):
    """In floats 3 * 0.1 is 0.30000000000000004; the exact product is a little less."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", db.ReferenceWarning)
        followed = reference(f, 0.1, quantity="derivative")
    assert float(followed) == pytest.approx(as_floats)
    assert float(followed) == db.derivative(f)(0.1)
    assert float(reference(f, 0.1, quantity="derivative", branches="exact")) == pytest.approx(exactly)


def test_programs_that_decide_alike_warn_of_nothing():
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert reference(lambda x: np.sum(np.sort(x)[np.argsort(-x)]), np.array([3.0, 1.0, 2.0])).tolist() == [1, 1, 1]


def double_the_sign(x):
    sign = np.sign(x)
    sign *= 2.0
    return np.sum(sign * x)


def add_to_the_mask(x):
    mask = x > 0.0
    mask[1] = True
    return np.sum(np.where(mask, x * x, x))


@pytest.mark.filterwarnings("error::diffbench.ReferenceWarning")
@pytest.mark.parametrize(("f", "expected"), [(double_the_sign, [2.0, -2.0, 2.0]), (add_to_the_mask, [1.0, -3.0, 5.0])])
def test_a_program_may_write_into_the_arrays_that_it_decides_by(f, expected):
    assert reference(f, np.array([0.5, -1.5, 2.5])).tolist() == expected


@pytest.mark.filterwarnings("error::diffbench.ReferenceWarning")
@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        (lambda y: np.sum(y**3), lambda x: 6 * x),
        (lambda y: np.sum(np.abs(y) * y), lambda x: 2 * np.sign(x)),
        (np.prod, lambda x: np.sum(x) - x),  # of the sum of all products of two
        (lambda y: np.cumprod(y)[-1], lambda x: np.sum(x) - x),
    ],
    ids=["power", "absolute", "product", "running product"],
)
def test_what_the_rules_of_an_inner_derivative_decide_is_no_branch_of_f(inner, expected, mode):
    x = np.array([0.5, -1.5, 2.5])

    def f(x):
        slopes = db.gradient(inner, backend=mode)(x)
        return np.where(x[0] > 0.0, np.sum(slopes), 0.0)

    assert reference(f, x).tolist() == expected(x).tolist()


def test_an_unknown_way_to_branch_is_refused():
    with pytest.raises(db.ArgumentError, match="branches='exactly'"):
        reference(np.sin, 1.0, branches="exactly")


def test_entries_that_are_zero_settle_one_by_one():
    """They come out as rounding errors of any size or none, and hardly ever all of them well at the same precision."""
    n = 40
    x = np.random.default_rng(0).standard_normal(n)

    def f(x):
        return np.sum(np.log(np.exp(x) * np.exp(-2 * x)) + x)

    found = reference(f, x)
    assert all(entry == 0 for entry in found)


# -- shapes, containers, arguments -------------------------------------------------------------------------------------


def test_results_have_the_shapes_and_containers_of_the_verb():
    def f(p, scale):
        return {"y": p["w"] * scale, "z": np.sum(p["w"]) * p["b"]}

    blocks = reference(f, {"w": np.ones(3), "b": 2.0}, 0.5, quantity="jacobian")
    assert {(y, x): np.shape(block) for y, row in blocks.items() for x, block in row.items()} == {
        ("y", "w"): (3, 3),
        ("y", "b"): (3,),
        ("z", "w"): (3,),
        ("z", "b"): (),
    }
    assert isinstance(blocks["z"]["b"], mpf)
    assert blocks["y"]["w"].dtype == object


def test_a_tuple_of_argnums_gives_a_tuple():
    assert reference(lambda x, y: x * y, 2.0, 3.0, argnum=(0, 1)) == (3, 2)


def test_integers_count_as_floats():
    assert reference(lambda x: x**2, 3) == 6


def test_floats_of_all_precisions_stand_for_their_exact_binary_value():
    for dtype in (np.float16, np.float32, np.longdouble):
        x = dtype(1) / dtype(3)
        exact = mpf(x.as_integer_ratio()[0]) / x.as_integer_ratio()[1]
        assert agree(reference(lambda x: x * x, np.array([x]).sum(), quantity="value"), exact * exact)


def test_an_mpf_keeps_its_digits_wherever_it_is_passed():
    third = mpf(1) / 3
    found = reference(lambda x, a, b=0.0: a * x**2 + b * x, 1.0, third, b=third, quantity="derivative")
    assert agree(found, 1)


def test_branches_on_values_are_followed():
    assert reference(lambda x: x**2 if x > 1 else -x, 2.0) == 4
    assert reference(lambda x: x**2 if x > 1 else -x, 0.5) == -1


def test_more_digits_are_given_when_asked_for():
    found = reference(np.exp, 1.0, quantity="derivative", digits=120)
    assert agree(found, mpmath.e, digits=120)


def test_an_entry_that_vanishes_by_cancellation_is_zero():
    assert reference(lambda x: np.sin(x) ** 2 + np.cos(x) ** 2, 0.3) == 0


def test_nan_and_infinity_come_out_as_such():
    assert mpmath.isnan(reference(np.log, -1.0, quantity="value"))
    assert reference(lambda x: 1 / x, 0.0, quantity="value") == mpmath.inf


def test_the_precision_of_mpmath_is_left_alone():
    before = mpmath.mp.dps
    reference(np.sin, 1.0)
    assert mpmath.mp.dps == before


def test_threads_with_different_precisions_do_not_meet():
    results = {}

    def work(digits):
        results[digits] = [reference(np.exp, 1.0, digits=digits) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(digits,)) for digits in (20, 90)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(agree(found, mpmath.e, digits) for digits, row in results.items() for found in row)


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_an_unknown_quantity_gets_a_suggestion():
    with pytest.raises(db.UnknownName, match="did you mean 'hessian'"):
        reference(np.sin, 1.0, quantity="hesian")


def test_a_traced_argument_is_refused():
    with pytest.raises(db.TraceLost, match="outside of the functions that you differentiate"):
        db.gradient(lambda x: reference(np.sin, x))(1.0)


def test_a_function_that_never_returns_the_same_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(db.DiffbenchError, match="does not return the same twice"):
        reference(lambda x: x * rng.uniform(), 1.0)


def test_text_is_refused_as_by_the_verb():
    with pytest.raises(db.ArgumentError, match="argument 0"):
        reference(np.sin, "x")


# -- digits ------------------------------------------------------------------------------------------------------------


def test_rounding_is_to_the_nearest_float():
    assert correctly_rounded(np.array([mpf(1) / 3, mpf(-2) / 3])).tolist() == [1 / 3, -2 / 3]
    assert correctly_rounded(mpf(2) ** 60 + 1) == 2.0**60
    assert correctly_rounded(mpf(10) ** 400) == np.inf
    assert correctly_rounded(mpf("2.4703282292062328e-324")) == 5e-324  # just above half of the smallest float
    assert np.isnan(correctly_rounded(mpmath.nan))


def test_errors_are_entry_by_entry():
    truth = np.array([mpf(1), mpf(0), mpf(-2), mpf(4)])
    assert relative_error(np.array([1.0, 0.0, 2.0, 5.0]), truth).tolist() == [0.0, 0.0, 2.0, 0.25]


def test_nan_counts_as_wrong():
    assert relative_error(np.nan, mpmath.nan) == np.inf
    assert digits_right(np.nan, mpf(1)) == 0


def test_digits_end_where_the_dtype_ends():
    assert digits_right(1.0, mpf(1)) == pytest.approx(15.65, abs=0.01)
    assert digits_right(np.float32(1), mpf(1)) == pytest.approx(6.92, abs=0.01)
    assert digits_right(0.999, mpf(1)) == pytest.approx(3, abs=0.01)


def test_an_error_below_double_precision_is_seen():
    """longdouble has 64 bits: its error is not rounded away on the way."""
    third = np.longdouble(1) / np.longdouble(3)
    assert 0 < relative_error(third, mpf(1) / 3) < 1e-19


def test_a_derivative_that_f_itself_takes_keeps_all_digits():
    """Seeds and the constants of rules are exact in nested verbs too: the slope of 2**y is 2**y log 2."""
    found = reference(lambda x: db.derivative(lambda y: 2.0**y * x)(x), 0.5, quantity="derivative")
    with mpmath.workdps(60):
        y = mpmath.mpf(0.5)
        expected = mpmath.log(2) * 2**y * (1 + y * mpmath.log(2))
        assert abs(found - expected) < mpmath.mpf(10) ** -48


# -- where numbers of many digits cannot go ----------------------------------------------------------------------------


def in_c(x):
    """What SciPy's compiled code does is seen by nobody."""
    from scipy import interpolate

    spline = interpolate.CubicSpline(np.arange(5.0), np.arange(5.0) ** 3)
    return float(spline(float(x))) * 1.0


def test_what_cannot_be_run_with_many_digits_is_refused():
    with pytest.raises(db.TraceLost):
        db.reference(in_c, 1.5, quantity="derivative")


def test_the_fallback_is_what_floats_agree_on_and_says_so():
    with pytest.warns(db.ReferenceWarning, match=r"cannot run in_c .*about \d+ digits, by central differences"):
        found = db.reference(in_c, 1.5, quantity="derivative", fallback=True)
    assert float(found) == pytest.approx(3 * 1.5**2, rel=1e-8)

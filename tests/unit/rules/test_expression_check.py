"""What an expression may say, and what it is told when it may not."""

from types import SimpleNamespace

import pytest

from rules.expression.check import Checked, check
from rules.expression.closure import closure
from rules.expression.columns import columns, columns_of
from rules.expression.tree import ExpressionError, Has, Number, Numeric, Read, kind, walk
from rules.expression.view import INT64_MAX, Field, Given, Kind, Noun, Scope, UnknownNameError
from rules.units import Unit

D, AMOUNT, MM = Unit.DIOPTRE, Unit.DIOPTRE_AMOUNT, Unit.MILLIMETRE
INT, BOOL, TEXT, TEXTS = Kind.INT, Kind.BOOL, Kind.TEXT, Kind.TEXTS

SCOPE = Scope(
    "eye",
    (
        Noun(
            "eye",
            (
                Field("side", TEXT, domain=("right", "left")),
                Field("sphere", INT, D, -3000, 3000, optional=True),
                Field("cylinder_amount", INT, AMOUNT, 0, 1500, optional=True),
                Field("axis", INT, None, 1, 180, optional=True),
                Field("add", INT, D, 0, 600, optional=True),
                Field("height", INT, MM, 0, 7000, optional=True),
            ),
        ),
        Noun(
            "frame",
            (
                Field("b", INT, MM, 1000, 9000),
                Field("traced", BOOL),
                Field("edge_type", TEXT, domain=("bevel", "groove", "rimless")),
            ),
        ),
        Noun(
            "lens",
            (
                Field("material", TEXT, domain="materials"),
                Field("account", TEXT),
                Field("coatings", TEXTS, domain="coatings"),
            ),
        ),
    ),
)
GIVEN = {"low": Given(-800, D), "widest": Given(7000, MM), "steps": Given(4)}
DOMAINS = {"materials": ("cr39", "poly"), "coatings": {"hc": "hard coat", "hc-ar": "hard coat with AR"}}

THERE_ARE = "there are: has, size, math.abs, math.greatest, math.least, D, prism, mm, deg, g"


def checked(source: str) -> Checked:
    """Returns the checked expression."""
    return check(source, SCOPE, given=GIVEN, domains=DOMAINS)


def refused(source: str) -> ExpressionError:
    """Returns what a source is refused with."""
    with pytest.raises(ExpressionError) as error:
        checked(source)
    return error.value


def eye(**fields: object) -> SimpleNamespace:
    """Returns an eye of which nothing is known but what is given."""
    absent = dict.fromkeys(("sphere", "cylinder_amount", "axis", "add", "height"))
    return SimpleNamespace(**{"side": "right", **absent, **fields})


FRAME = SimpleNamespace(b=3000, traced=True, edge_type="groove")
LENS = SimpleNamespace(material="cr39", account="acme", coatings=("hc",))


@pytest.mark.parametrize(
    ("source", "yes", "no"),
    [
        ('lens.material == "cr39" && has(eye.sphere) && eye.sphere < given.low', eye(sphere=-801), eye(sphere=-800)),
        ("has(eye.add) && eye.add > D(3.00)", eye(add=301), eye(add=300)),
        ("has(eye.sphere) && !(math.abs(eye.sphere) % 25 in [0, 12])", eye(sphere=-130), eye(sphere=-137)),
        ("has(eye.sphere) && eye.sphere % D(0.25) != 0", eye(sphere=-130), eye(sphere=-125)),
        ("has(eye.sphere) && eye.sphere / D(0.25) == -3", eye(sphere=-99), eye(sphere=-100)),
        ('frame.edge_type in ["groove", "rimless"] && !has(eye.axis)', eye(), eye(axis=90)),
        ('"hc" in lens.coatings ? has(eye.add) : false', eye(add=0), eye()),
        ("!has(eye.add) || eye.add > 0", eye(), eye(add=0)),
        ("has(eye.height) && frame.b - eye.height < mm(10.00)", eye(height=2001), eye(height=2000)),
        ("has(eye.height) && eye.height * given.steps > given.widest", eye(height=1751), eye(height=1750)),
        ('size(lens.coatings) == 1 && eye.side != "left"', eye(), eye(side="left")),
        ("has(eye.sphere) && math.greatest(eye.sphere, -eye.sphere, 0) == D(2.00)", eye(sphere=-200), eye(sphere=1)),
        (
            "has(eye.cylinder_amount) && has(eye.sphere) &&\n  eye.sphere + eye.cylinder_amount >= D(8.00)",
            eye(sphere=700, cylinder_amount=100),
            eye(sphere=700, cylinder_amount=99),
        ),
    ],
)
def test_what_a_rule_asks_is_answered(source: str, yes: SimpleNamespace, no: SimpleNamespace) -> None:
    """To the hundredth, one spec at a time and all at once."""
    asked = checked(source)
    holds = closure(asked)

    assert (holds(yes, FRAME, LENS), holds(no, FRAME, LENS)) == (True, False)
    facts = columns_of(SCOPE, [(yes, FRAME, LENS), (no, FRAME, LENS)], asked.reads)
    assert columns(asked)(facts).tolist() == [True, False]


@pytest.mark.parametrize(
    ("source", "line", "column", "message"),
    [
        # names
        ("has(eye.spere)", 1, 9, "eye has no field spere; did you mean sphere?"),
        ("true &&\n\n  frame.traced &&\n  eye . spere > 0", 4, 9, "eye has no field spere; did you mean sphere?"),
        ("lense.material == 'cr39'", 1, 1, "there is no lense in the scope eye; did you mean lens?"),
        ("frame.b > given.widst", 1, 11, "there is no given widst; did you mean widest?"),
        ("frame.b > given", 1, 11, "say which given: given.low"),
        ("frame.b.size > 1", 1, 8, "only nouns have fields, and what stands before this dot is none"),
        ("eye == eye", 1, 1, "eye is no value; read one of its fields"),
        ("eye > frame", 1, 5, "eye is no value; read one of its fields"),
        ("int == int", 1, 1, "int is no value; read one of its fields"),
        # presence
        ("eye.add > 0", 1, 1, "eye.add may be absent; ask first: has(eye.add) && …"),
        ("has(eye.add) || eye.add > 0", 1, 17, "eye.add may be absent; ask first: has(eye.add) && …"),
        ("eye.add > 0 && has(eye.add)", 1, 1, "eye.add may be absent; ask first: has(eye.add) && …"),
        ("(has(eye.add) || frame.traced) && eye.add > 0", 1, 35, "eye.add may be absent; ask first: has(eye.add) && …"),
        ("has(eye.add) ? true : eye.add > 0", 1, 23, "eye.add may be absent; ask first: has(eye.add) && …"),
        ("!has(eye.add) ? eye.add > 0 : true", 1, 17, "eye.add may be absent; ask first: has(eye.add) && …"),
        (
            "(frame.traced ? has(eye.add) : true) && eye.add > 0",
            1,
            41,
            "eye.add may be absent; ask first: has(eye.add) && …",
        ),
        (
            "!(frame.traced ? !has(eye.add) : false) && eye.add > 0",
            1,
            44,
            "eye.add may be absent; ask first: has(eye.add) && …",
        ),
        ("has(frame.b)", 1, 5, "frame.b is always there"),
        ("has(lens.material)", 1, 5, 'lens.material is always there; ask whether it is chosen: lens.material != ""'),
        (
            "has(lens.coatings)",
            1,
            5,
            "lens.coatings is always there; ask how many there are: size(lens.coatings) > 0",
        ),
        ("has(eye)", 1, 5, "has asks about a field, as in has(eye.add)"),
        # units
        (
            "has(eye.add) &&\n eye.add > frame.b",
            2,
            10,
            "eye.add is in dioptres and frame.b in millimetres; they cannot be compared",
        ),
        ("frame.b > 52", 1, 9, "52 has no unit and frame.b is in millimetres; write it with its unit, as in mm(52.00)"),
        (
            "frame.b + D(1.00) > 0",
            1,
            9,
            "frame.b is in millimetres and D(1.00) in dioptres; they cannot be added",
        ),
        (
            "math.least(0, frame.b, 0, D(1.00)) > 0",
            1,
            1,
            "frame.b is in millimetres and D(1.00) in dioptres; they cannot be compared",
        ),
        (
            "frame.b in [mm(30.00), 31]",
            1,
            24,
            "31 has no unit and frame.b is in millimetres; write it with its unit, as in mm(31.00)",
        ),
        (
            "(frame.traced ? frame.b : given.low) > 0",
            1,
            15,
            "frame.b is in millimetres and given.low in dioptres; they cannot be chosen between",
        ),
        (
            "frame.b * mm(1.00) > 0",
            1,
            9,
            "frame.b and mm(1.00) both have a unit; a measure is multiplied by a plain number",
        ),
        (
            "frame.b / D(0.25) > 0",
            1,
            9,
            "frame.b is in millimetres and D(0.25) in dioptres; they cannot be divided",
        ),
        # literals
        ("frame.b > mm(52.005)", 1, 14, "52.005 is finer than 0.01, and nothing is held finer than that"),
        ("frame.b > mm(52)", 1, 14, "write mm(52.00): with its decimals, so that nobody reads hundredths"),
        ("frame.b > mm(5e1)", 1, 14, "5e1 is no plain decimal of at most nine digits"),
        ("frame.b > mm(frame.b)", 1, 11, "mm takes a number as it is written: mm(3.00)"),
        ("frame.b > mm(25.00 + 1.00)", 1, 11, "mm takes a number as it is written: mm(3.00)"),
        (
            "frame.b > 52.0",
            1,
            9,
            "a decimal is written with its unit, as in D(3.00) or mm(52.00), and as a literal",
        ),
        ("1.0 == 1.0", 1, 1, "1.0 is written with its unit: D(1.0) or mm(…)"),
        ("frame.b > 99999999999999999999", 1, 11, "is beyond the whole numbers there are (64 bits)"),
        ("1u == 1u", 1, 1, "a null, unsigned or bytes literal cannot be used"),
        # texts
        ('lens.material == "cr93"', 1, 18, 'lens.material is never "cr93"; did you mean cr39?'),
        ('lens.material in ["poly",\n "cr93"]', 2, 2, 'lens.material is never "cr93"; did you mean cr39?'),
        ('"hc_ar" in lens.coatings', 1, 1, 'lens.coatings is never "hc_ar"; did you mean hc-ar?'),
        ('"" in lens.coatings', 1, 1, 'lens.coatings is never ""; it can be: hc, hc-ar'),
        (
            'frame.edge_type != ""',
            1,
            20,
            'frame.edge_type is never ""; it can be: bevel, groove, rimless',
        ),
        ('lens.material < "cr39"', 1, 15, "a text is neither less nor more than another; there are == and !="),
        (
            "lens.material == frame.edge_type",
            1,
            15,
            "lens.material and frame.edge_type have no values in common that they could be compared by",
        ),
        ('"a" == "b"', 1, 5, "compares two texts that never change; one side is a field"),
        ("lens.material in [lens.account]", 1, 19, "the values of lens.material are written there, in quotes"),
        (
            '"cr39" in ["cr39"]',
            1,
            8,
            '"cr39" is a text; to the left of in stands a number or a field with a text',
        ),
        (
            "lens.account in lens.coatings",
            1,
            14,
            'in is for values in brackets, x in [a, b], or for a text in texts, "hc" in lens.coatings',
        ),
        ("lens.coatings == lens.coatings", 1, 15, "lens.coatings and lens.coatings cannot be compared"),
        # the subset
        ("lens.coatings.exists(c, c == 'hc')", 1, 21, "a loop (all, exists, map, filter) cannot be used"),
        (
            "lens.account.startsWith('a')",
            1,
            1,
            f"startsWith cannot be used; {THERE_ARE}",
        ),
        (
            "frame.traced && halved(frame.b) > 0",
            1,
            17,
            f"there is no function halved; {THERE_ARE}",
        ),
        (
            "math.halved(frame.b) > 0",
            1,
            1,
            f"there is no function math.halved; {THERE_ARE}",
        ),
        ("lens.coatings == ['hc']", 1, 18, "a list stands only to the right of in, or in math.greatest and math.least"),
        ("frame.b in []", 1, 12, "nothing is in an empty list"),
        ("frame.b in [frame.b]", 1, 12, "the values in the brackets are numbers as they are written, or givens"),
        ("size('abc') == 3", 1, 1, "size counts the texts of a field, as in size(lens.coatings)"),
        ("{'a': 1}.a == 1", 1, 1, "only nouns have fields, and what stands before the dot is none"),
        ("{1: true} == {1: true}", 1, 1, "a structure cannot be used"),
        ("(true ? lens.account : lens.account) == 'a'", 1, 7, "? : chooses between two numbers, or between yes and no"),
        ("frame.traced < true", 1, 14, "a yes or no is neither less nor more than another; there are == and !="),
        # bounds
        ("frame.b / 0 > 0", 1, 11, "divides by 0; what divides is a number above zero, as it is written: x / 25"),
        ("frame.b % -25 > 0", 1, 11, "divides by -25; what divides is a number above zero, as it is written: x % 25"),
        (
            "frame.b / frame.b > 0",
            1,
            11,
            "divides by frame.b; what divides is a number above zero, as it is written: x / 25",
        ),
        (
            f"frame.b * {INT64_MAX} > 0",
            1,
            9,
            f"frame.b * {INT64_MAX} could be {1000 * INT64_MAX} to {9000 * INT64_MAX}, which is beyond 64 bits",
        ),
        # the whole
        ("frame.b", 1, 1, "gives a number; what a rule asks gives yes or no"),
        ("lens.account", 1, 1, "gives a text; what a rule asks gives yes or no"),
        ("frame.traced && frame.b", 1, 14, "&& does not work on a yes or no and a number"),
        ("frame.b > 'a'", 1, 9, "> does not work on a number and a text"),
        ("size(frame.b) > 1", 1, 1, "size does not work on a number"),
        ("frame.b >", 1, 10, "ends too early: something is missing at the end, or a bracket is open"),
        ("frame.b > > mm(1.00)", 1, 11, "cannot be read: extraneous input '>'"),
        (" \n ", 1, 1, "is empty"),
        ("true\n && \x00", 2, 5, "holds a character that is no text"),
        (" && ".join(["true"] * 600), 1, 1, "is longer than 4000 characters; make it several rules"),
        ("(" * 40 + "true" + ")" * 40, 1, 1, "is nested too deeply, or adds up too many things; make it several rules"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place_and_the_way_out(
    source: str, line: int, column: int, message: str
) -> None:
    """Line and column count from 1 and point at where the thing begins."""
    error = refused(source)

    assert (error.line, error.column, error.message) == (line, column, message)
    assert str(error) == f"line {line}, column {column}: {message}"


@pytest.mark.parametrize(
    "source",
    [
        "has(eye.add) && frame.traced && eye.add > 0",
        "has(eye.add) && (frame.traced || eye.add > 0)",
        "!(!has(eye.add) || frame.traced) && eye.add > 0",
        "!has(eye.add) || !has(eye.sphere) || eye.sphere > eye.add",
        "!(has(eye.add) && has(eye.sphere)) || eye.sphere > eye.add",
        "(has(eye.add) && frame.traced || has(eye.add) && !frame.traced) && eye.add > 0",
        "(has(eye.add) ? has(eye.sphere) : false) && eye.sphere > eye.add",
        "!(has(eye.add) ? !has(eye.sphere) : true) && eye.sphere > eye.add",
        "(frame.traced ? has(eye.add) : has(eye.add)) && eye.add > 0",
        "has(eye.add) ? eye.add > 0 : frame.traced",
        "!has(eye.add) ? frame.traced : eye.add > 0",
        "has(eye.add) && has(eye.sphere) && (eye.add > 0 ? eye.sphere : eye.add) > 0",
    ],
)
def test_a_question_about_presence_is_followed_through_the_logic(source: str) -> None:
    """Whatever way it is put, as long as the answer is known where the field is read."""
    holds = closure(checked(source))

    for add in None, 0, 100:
        for sphere in None, 0, 200:
            assert holds(eye(add=add, sphere=sphere), FRAME, LENS) in {True, False}


def test_a_place_counts_characters_and_not_bytes() -> None:
    """Whatever stands before it on the line."""
    error = refused("lens.account == 'é😀' && eye.add > 0")

    assert (error.line, error.column) == (1, 25)


def test_a_catalogs_text_may_be_empty_and_an_open_one_anything() -> None:
    """A lens that is not chosen yet is asked about like any other."""
    assert closure(checked('lens.material == ""'))(eye(), FRAME, SimpleNamespace(material=""))
    assert closure(checked('lens.account in ["acme", "nobody yet"]'))(eye(), FRAME, LENS)


def test_a_domain_that_nobody_gives_is_the_callers_mistake() -> None:
    """And no fault of the expression."""
    with pytest.raises(KeyError, match="materials"):
        check('lens.material == "cr39"', SCOPE)


def test_an_expression_tells_what_it_reads() -> None:
    """Fields that are asked about as well as fields that are read, once each."""
    reads = checked('has(eye.add) && eye.add > 0 && "hc" in lens.coatings').reads

    assert {(noun, field.name) for noun, field in reads} == {("eye", "add"), ("lens", "coatings")}


def test_numbers_that_never_change_are_made_when_checked() -> None:
    """A given keeps its name where it stands alone."""
    nodes = list(walk(checked("frame.b > given.widest && frame.b > given.widest * 2 - mm(0.50)").root))

    numbers = [(node.name, node.value, node.unit) for node in nodes if isinstance(node, Number)]
    assert numbers == [("given.widest", 7000, MM), ("", 13950, MM)]


def test_every_number_says_its_unit_and_its_bounds() -> None:
    """What a proof is made from."""
    (read,) = [node for node in walk(checked("frame.b > 0").root) if isinstance(node, Read)]
    assert (read.unit, read.low, read.high) == (MM, 1000, 9000)

    asked = checked("has(eye.sphere) && math.abs(eye.sphere) % 25 > -3")
    numbers = [node for node in walk(asked.root) if isinstance(node, Numeric) and kind(node) is INT]
    bounds = {str(node): (node.low, node.high) for node in numbers}
    assert bounds == {
        "eye.sphere": (-3000, 3000),
        "math.abs(eye.sphere)": (0, 3000),
        "25": (25, 25),
        "math.abs(eye.sphere) % 25": (0, 24),
        "-3": (-3, -3),
    }


def test_a_node_knows_where_it_stands() -> None:
    """So that whoever finds something wrong later can say where."""
    has = next(node for node in walk(checked("frame.traced &&\n  !has(eye.add)").root) if isinstance(node, Has))

    assert has.place == (2, 8)


def test_a_closure_sees_its_nouns_and_four_functions() -> None:
    """Nothing of Python can be reached from it."""
    holds = closure(checked("frame.traced"))

    assert holds.__globals__ == {"__builtins__": {"abs": abs, "max": max, "min": min, "len": len}}


# ── views ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_scope_finds_a_field_by_its_path() -> None:
    """And says what was probably meant by one it does not have."""
    noun, field = SCOPE.field("eye.sphere")

    assert (noun.name, field.name) == ("eye", "sphere")
    with pytest.raises(UnknownNameError, match=r"eye has no field spere; did you mean sphere\?"):
        SCOPE.field("eye.spere")
    with pytest.raises(UnknownNameError, match=r"there is no ey in the scope eye; did you mean eye\?"):
        SCOPE.field("ey.sphere")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "b", "kind": INT}, "has to say between which bounds"),
        ({"name": "b", "kind": INT, "low": 2, "high": 1}, "has to say between which bounds"),
        ({"name": "b", "kind": INT, "low": 0, "high": 2**63}, "has to say between which bounds"),
        ({"name": "b", "kind": TEXTS, "optional": True}, "not absent"),
        ({"name": "b", "kind": BOOL, "domain": ("yes",)}, "has no domain"),
        ({"name": "class", "kind": BOOL}, "is no name"),
        ({"name": "_b", "kind": BOOL}, "is no name"),
        ({"name": "b c", "kind": BOOL}, "is no name"),
    ],
)
def test_a_field_whose_parts_do_not_go_together_is_refused(arguments: dict[str, object], message: str) -> None:
    """When the view is declared, not when an expression reads it."""
    with pytest.raises(ValueError, match=message):
        Field(**arguments)  # type: ignore[arg-type]


def test_names_are_told_apart() -> None:
    """Within a noun and within a scope; and none is taken that means something already."""
    traced = Field("traced", BOOL)
    with pytest.raises(ValueError, match="two fields of frame have one name"):
        Noun("frame", (traced, traced))
    with pytest.raises(ValueError, match="two nouns of the scope eye have one name"):
        Scope("eye", (Noun("frame", (traced,)), Noun("frame", ())))
    with pytest.raises(ValueError, match="means something"):
        Noun("given", ())

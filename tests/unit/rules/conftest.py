"""A small lab of three materials and four designs, as plain data."""

from typing import Any

import pytest

from rules.catalog import Catalog
from rules.load import load
from rules.spec import EdgeType, Eye, Eyes, Frame, FrameMaterial, Lens, Spec

Files = dict[str, Any]


def blank(material: str, base: str, diameter: str, **fields: object) -> dict[str, Any]:
    """Returns a semi-finished blank without an addition."""
    return {
        "id": f"sf-{material}-{base.replace('.', '')}-{diameter[:2]}",
        "material": material,
        "colours": ["clear"],
        "types": ["single-vision", "progressive"],
        "base": base,
        "front": base,
        "diameter": diameter,
        "centre": "12.00",
        **fields,
    }


def refuse(name: str, expression: str, at: str, says: str, **fields: object) -> dict[str, Any]:
    """Returns a constraint of an eye that refuses."""
    return {
        "id": name,
        "scope": "eye",
        "refuse": expression,
        "at": at,
        "severity": "error",
        "says": says,
        "reason": "the test",
        **fields,
    }


def row(name: str, **fields: object) -> dict[str, Any]:
    """Returns a row of a table."""
    return {"id": name, "reason": "the test", **fields}


@pytest.fixture
def files() -> Files:
    """The lab's files; a test may spoil them."""
    return _files()


def _files() -> Files:
    return {"lens.yaml": _lens(), "floor.yaml": _floor(), "rules.yaml": _rules(), "prices.yaml": _prices()}


def _lens() -> Files:
    return {
        "materials": [
            {
                "id": name,
                "name": words,
                "index": index,
                "wavelength": "587.56",
                "abbe": "40",
                "density": density,
                "impact": impact,
            }
            for name, words, index, density, impact in (
                ("cr39", "CR-39", "1.498", "1.32", "basic"),
                ("mr10", "MR-10", "1.67", "1.36", "basic"),
                ("glass", "Crown glass", "1.523", "2.54", "glass"),
            )
        ],
        "designs": [
            {
                "id": "pal",
                "name": "Pal",
                "type": "progressive",
                "partner_codes": [{"label": "LNAM", "code": "2950"}],
            },
            {"id": "plain", "name": "Plain", "type": "single-vision"},
            {"id": "ft", "name": "Flat top", "type": "multifocal"},
            {"id": "stock", "name": "Stock", "type": "anti-fatigue"},
        ],
        "colours": [
            {"id": "clear", "name": "Clear"},
            {"id": "grey", "name": "Grey"},
            {"id": "photo", "name": "Photochromic", "group": "dye"},
        ],
        "coatings": [
            {"id": "hc", "name": "Hard coat", "group": "surface"},
            {"id": "ar", "name": "Anti-reflective", "group": "surface"},
            {"id": "top", "name": "Top coat"},
        ],
        "options": [
            {"id": "prism-thinning", "name": "Thinning"},
            {"id": "polish", "name": "Polished edge"},
            {"id": "dip", "name": "Gradient dip", "group": "dye"},
        ],
        "blanks": [
            *(
                blank(material, base, diameter)
                for material in ("cr39", "mr10")
                for base in ("2.00", "4.00", "6.00", "8.00")
                for diameter in ("65.00", "75.00")
            ),
            blank("cr39", "5.00", "70.00", id="sf-cr39-grey", colours=["grey", "photo"]),
            blank("glass", "4.00", "65.00"),
            *(
                blank("cr39", "6.00", "76.00", id=f"ft-{side}-{add[0]}", types=["multifocal"], add=add, side=side)
                for side in ("right", "left")
                for add in ("1.50", "2.00")
            ),
            {
                "id": "f-cr39-70",
                "material": "cr39",
                "colours": ["clear"],
                "types": [],
                "designs": ["plain", "stock"],
                "base": "4.00",
                "front": "4.00",
                "diameter": "70.00",
                "centre": "2.00",
                "finished": "yes",
                "power": "-4.00 .. -0.25",
                "cylinder": "-2.00 .. 0.00",
                "opc": "9999000012",
            },
        ],
    }


def _floor() -> Files:
    return {
        "stations": [
            {"id": "make", "name": "Make", "description": "Being made"},
            {"id": "coat", "name": "Coat", "description": "Coating"},
            {"id": "edge", "name": "Edge", "description": "Edging"},
            {"id": "ship", "name": "Ship", "description": "Shipped"},
        ],
        "tables": [
            {
                "id": "routes",
                "scope": "plan",
                "hit": "first",
                "inputs": {"finished": "plan.finished", "edge": "frame.edge_type"},
                "outputs": {"stations": "texts"},
                "rows": [
                    row("finished-round", finished="yes", edge=["uncut"], stations=["ship"]),
                    row("finished", finished="yes", stations=["edge", "ship"]),
                    row("round", edge=["uncut"], stations=["make", "coat", "ship"]),
                    row("all", stations=["make", "coat", "edge", "ship"]),
                ],
            },
            {
                "id": "generate",
                "scope": "plan",
                "hit": "first",
                "inputs": {"type": "lens.type", "steep": "plan.back_steep"},
                "outputs": {"program": "text"},
                "rows": [row("deep", steep=".. -12.00", program="G-DEEP"), row("rest", program="G-1")],
            },
            {
                "id": "edge",
                "scope": "plan",
                "hit": "unique",
                "inputs": {"edge": "frame.edge_type"},
                "outputs": {"program": "text"},
                "rows": [
                    row("none", edge=["uncut", "unsaid"], program=""),
                    row("rim", edge=["bevel", "mini-bevel"], program="E-BEVEL"),
                    row("no-rim", edge=["groove", "rimless"], program="E-FLAT"),
                ],
            },
        ],
    }


def _rules() -> Files:
    return {
        "constraints": [
            refuse(
                "axis",
                "has(eye.cylinder) && eye.cylinder != 0 && !has(eye.axis)",
                "axis",
                "give the axis.",
                code="NOT_GIVEN",
            ),
            refuse(
                "add",
                'lens.type == "progressive" && !has(eye.add)',
                "add",
                "{design} needs an addition.",
                code="NOT_GIVEN",
            ),
            refuse(
                "no-add",
                'lens.type == "single-vision" && has(eye.add) && eye.add > 0',
                "add",
                "leave it out.",
                code="NOT_APPLICABLE",
            ),
            refuse(
                "edge-type",
                'frame.edge_type == "unsaid"',
                "frame.edge_type",
                "say it.",
                scope="pair",
                code="NOT_GIVEN",
                severity="warning",
            ),
            refuse(
                "power-low",
                'lens.design == "pal" && lens.material == "cr39" && has(eye.power_low) && eye.power_low < given.low',
                "sphere",
                "{design} in {material}: from {low}.",
                given={"low": "-8.00 D"},
                shows="eye.power_low",
            ),
            refuse(
                "power-high",
                'lens.design == "pal" && lens.material == "cr39" && has(eye.power_high) && eye.power_high > given.high',
                "sphere",
                "{design} in {material}: up to {high}.",
                given={"high": "6.00 D"},
                shows="eye.power_high",
            ),
            refuse(
                "power-thick",
                'lens.material == "cr39" && has(eye.power_high) && eye.power_high > given.high',
                "sphere",
                "up to {high} is thinner.",
                given={"high": "4.00 D"},
                shows="eye.power_high",
                severity="warning",
            ),
            refuse(
                "cylinder",
                "has(eye.cylinder_amount) && eye.cylinder_amount > given.high",
                "cylinder",
                "at most {high}.",
                given={"high": "6.00 D"},
                shows="eye.cylinder_amount",
            ),
            refuse(
                "prism",
                "has(eye.prism) && eye.prism > prism(5.00)",
                "prism_horizontal",
                "at most 5.",
                shows="eye.prism",
            ),
            refuse(
                "sphere-steps",
                "has(eye.sphere) && !(math.abs(eye.sphere) % 25 in [0, 12])",
                "sphere",
                "not {ending}.",
                code="OFF_STEP",
                severity="warning",
            ),
            refuse(
                "anisometropia",
                "has(pair.anisometropia) && pair.anisometropia > D(2.00)",
                "prescription",
                "check it.",
                scope="pair",
                shows="pair.anisometropia",
                code="ANISOMETROPIA",
                severity="warning",
            ),
            refuse(
                "signs",
                "has(pair.opposite_spheres) && pair.opposite_spheres > 0",
                "prescription",
                "check both.",
                scope="pair",
                shows="pair.opposite_spheres",
                code="OPPOSITE_SIGNS",
                severity="warning",
            ),
            refuse(
                "photo-glass",
                'lens.colour == "photo" && "ar" in lens.coatings',
                "lens.colour",
                "choose a hard coat.",
                scope="pair",
                code="CLASH",
            ),
            refuse(
                "thick-edge",
                "plan.edge_thickest > given.high",
                "sphere",
                "more than {high} looks heavy.",
                scope="plan",
                given={"high": "9.00 mm"},
                shows="plan.edge_thickest",
                code="THICK",
                severity="warning",
            ),
        ],
        "tables": [
            {
                "id": "availability",
                "scope": "pair",
                "hit": "first",
                "inputs": {"design": "lens.design", "material": "lens.material", "colour": "lens.colour"},
                "outputs": {"made": "yes-no"},
                "rows": [
                    row("tints", design=["pal"], material=["cr39"], colour=["grey", "photo"], made="yes"),
                    row("only-clear", colour=["grey", "photo"], made="no"),
                    row("pal", design=["pal"], material=["cr39", "mr10"], made="yes"),
                    row("plain", design=["plain"], made="yes"),
                    row("cr39", design=["ft", "stock"], material=["cr39"], made="yes"),
                ],
            },
            {
                "id": "base-curve",
                "scope": "eye",
                "hit": "unique",
                "inputs": {"power": "eye.spherical_equivalent"},
                "outputs": {"base": "D", "slip": "D"},
                "rows": [
                    row("strong-minus", power=".. -6.01", base="2.00", slip="2.00"),
                    row("minus", power="-6.00 .. -0.01", base="4.00", slip="2.00"),
                    row("plano", power="0.00 .. 2.00", base="6.00", slip="2.00"),
                    row("plus", power="2.01 ..", base="8.00", slip="2.00"),
                ],
            },
            {
                "id": "minimum-thickness",
                "scope": "eye",
                "hit": "first",
                "inputs": {"edge_type": "frame.edge_type", "power": "eye.power_strongest"},
                "outputs": {"centre": "mm", "edge": "mm", "allowance": "mm"},
                "rows": [
                    row("rimless", edge_type=["rimless", "groove"], centre="2.20", edge="2.00", allowance="2.00"),
                    row("minus", power=".. 0.00", centre="2.00", edge="1.00", allowance="2.00"),
                    row("plus", centre="1.50", edge="1.20", allowance="2.00"),
                ],
            },
            {
                "id": "lead-time",
                "scope": "pair",
                "hit": "first",
                "inputs": {"coatings": "lens.coatings"},
                "outputs": {"days": "days"},
                "rows": [row("vacuum", coatings=["ar"], days="9"), row("other", days="5")],
            },
        ],
    }


def _prices() -> Files:
    return {
        "tables": [
            {
                "id": "price-list",
                "scope": "pair",
                "hit": "first",
                "inputs": {"account": "order.account"},
                "outputs": {"list": "text", "currency": "text"},
                "rows": [
                    row("friends", account=["A-1"], list="friends", currency="EUR"),
                    row("all", list="standard", currency="EUR"),
                ],
            },
            {
                "id": "lenses",
                "scope": "pair",
                "hit": "first",
                "charge": "pair",
                "needed": "yes",
                "label": "{design} in {material}",
                "inputs": {"list": "price.list", "design": "lens.design", "material": "lens.material"},
                "outputs": {"amount": "money"},
                "rows": [
                    row("friends", list=["friends"], amount="80.00"),
                    row("pal-mr10", design=["pal"], material=["mr10"], amount="200.00"),
                    row("pal", design=["pal"], amount="120.00"),
                    row("plain", design=["plain", "ft"], amount="50.00"),
                ],
            },
            {
                "id": "single",
                "scope": "pair",
                "hit": "first",
                "charge": "pair",
                "label": "Single lens",
                "inputs": {"eyes": "order.eyes"},
                "outputs": {"share": "percent"},
                "rows": [row("one", eyes=["right", "left"], share="-45.00")],
            },
            {
                "id": "coatings",
                "scope": "pair",
                "hit": "unique",
                "charge": "coating",
                "label": "{item}",
                "inputs": {"item": "price.item"},
                "outputs": {"amount": "money"},
                "rows": [row("hc", item=["hc"], amount="12.50"), row("ar", item=["ar"], amount="40.00")],
            },
            {
                "id": "oversize",
                "scope": "plan",
                "hit": "first",
                "charge": "eye",
                "label": "Large blank",
                "inputs": {"diameter": "plan.blank_diameter"},
                "outputs": {"amount": "money"},
                "rows": [row("large", diameter="75.00 ..", amount="5.00")],
            },
            {
                "id": "polished",
                "scope": "pair",
                "hit": "first",
                "charge": "option",
                "label": "{item}",
                "inputs": {"item": "price.item"},
                "outputs": {"amount": "money"},
                "rows": [row("polish", item=["polish"], amount="8.00")],
            },
        ],
    }


@pytest.fixture
def catalog(files: Files) -> Catalog:
    """The lab's catalog."""
    return load(files)


@pytest.fixture(scope="session")
def lab() -> Catalog:
    """The same, for many examples."""
    return load(_files())


@pytest.fixture
def spec() -> Spec:
    """A pair that can be made without a word."""
    return Spec(
        eyes=Eyes.BOTH,
        right=Eye(sphere=-50, cylinder=-125, axis=140, add=125, distance_pd=3100, fitting_height=1900),
        left=Eye(sphere=-75, cylinder=0, add=125, distance_pd=3100, fitting_height=1900),
        frame=Frame(a=5100, b=3800, dbl=2000, ed=5300, material=FrameMaterial.METAL, edge_type=EdgeType.BEVEL),
        lens=Lens(design="pal", material="cr39", colour="clear", coatings=("hc", "top")),
    )

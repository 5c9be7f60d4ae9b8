"""A small lab of two materials and three designs, as plain data."""

from typing import Any

import pytest

from rules.catalog import Catalog
from rules.load import load
from rules.spec import EdgeType, Eye, Eyes, Frame, FrameMaterial, Lens, Spec

Files = dict[str, Any]


@pytest.fixture
def files() -> Files:
    """The lab's files; a test may spoil them."""
    return {
        "lens.yaml": {
            "materials": [
                {"id": "cr39", "name": "CR-39", "index": "1.498", "wavelength": "587.56"},
                {"id": "mr10", "name": "MR-10", "index": "1.67", "wavelength": "546.07"},
                {"id": "glass", "name": "Crown glass", "index": "1.523", "wavelength": "587.56"},
            ],
            "designs": [
                {
                    "id": "pal",
                    "name": "Pal",
                    "type": "progressive",
                    "materials": ["cr39", "mr10"],
                    "partner_codes": [{"label": "LNAM", "code": "2950"}],
                },
                {"id": "plain", "name": "Plain", "type": "single-vision", "materials": ["cr39", "mr10", "glass"]},
                {"id": "ft", "name": "Flat top", "type": "multifocal", "materials": ["cr39"]},
            ],
            "colours": [{"id": "clear", "name": "Clear"}, {"id": "grey", "name": "Grey", "materials": ["cr39"]}],
            "coatings": [
                {"id": "hc", "name": "Hard coat", "group": "surface"},
                {"id": "ar", "name": "Anti-reflective", "group": "surface"},
                {"id": "top", "name": "Top coat"},
            ],
            "options": [
                {"id": "thin", "name": "Thinning", "design_types": ["progressive"]},
                {"id": "polish", "name": "Polished edge"},
            ],
        },
        "floor.yaml": {
            "stations": [
                {"id": "make", "name": "Make", "description": "Being made"},
                {"id": "edge", "name": "Edge", "description": "Edging"},
                {"id": "ship", "name": "Ship", "description": "Shipped"},
            ],
            "routes": [
                {"when": {"edge_types": ["uncut"]}, "stations": ["make", "ship"]},
                {"stations": ["make", "edge", "ship"]},
            ],
        },
        "tables.yaml": {
            "requirements": [
                {
                    "field": "axis",
                    "when": {"nonzero": ["cylinder"]},
                    "presence": "required",
                    "severity": "error",
                    "says": "give the axis.",
                    "reason": "geometry",
                },
                {
                    "field": "add",
                    "when": {"design_types": ["progressive"]},
                    "presence": "required",
                    "severity": "error",
                    "says": "{design} needs an addition.",
                    "reason": "geometry",
                },
                {
                    "field": "add",
                    "when": {"design_types": ["single-vision"]},
                    "presence": "forbidden",
                    "severity": "error",
                    "says": "leave it out.",
                    "reason": "geometry",
                },
                {
                    "field": "frame.edge_type",
                    "presence": "required",
                    "severity": "warning",
                    "says": "say it.",
                    "reason": "edging",
                },
            ],
            "limits": [
                {
                    "quantity": "power",
                    "when": {"design_types": ["progressive"], "materials": ["cr39"]},
                    "error": {"low": "-8.00", "high": "6.00", "says": "{design} in {material}: {low} to {high}."},
                    "warning": {"high": "4.00", "says": "up to {high} is thinner."},
                    "reason": "thickness",
                },
                {"quantity": "prism", "error": {"high": "5.00", "says": "at most {high}."}, "reason": "grinding"},
                {
                    "quantity": "height_clearance",
                    "code": "HEIGHT_OUTSIDE_FRAME",
                    "error": {"low": "0", "says": "measure again."},
                    "warning": {"low": "3", "says": "less than {low} is left."},
                    "reason": "geometry",
                },
                {
                    "quantity": "ed_excess",
                    "code": "ED_TOO_SMALL",
                    "error": {"low": "0", "says": "measure again."},
                    "reason": "geometry",
                },
                {
                    "quantity": "anisometropia",
                    "code": "ANISOMETROPIA",
                    "warning": {"high": "2.00", "says": "check it."},
                    "reason": "slips",
                },
            ],
            "steps": [
                {
                    "quantity": "sphere",
                    "endings": [".00", ".12", ".25", ".37", ".50", ".62", ".75", ".87"],
                    "severity": "warning",
                    "says": "not {ending}.",
                    "reason": "phoropters",
                },
            ],
        },
    }


@pytest.fixture
def catalog(files: Files) -> Catalog:
    """The lab's catalog."""
    return load(files)


@pytest.fixture
def spec() -> Spec:
    """A pair that can be made without a word."""
    return Spec(
        eyes=Eyes.BOTH,
        right=Eye(sphere=-50, cylinder=-125, axis=140, add=125, distance_pd=3100, fitting_height=1600),
        left=Eye(sphere=-75, cylinder=0, add=125, distance_pd=3100, fitting_height=1600),
        frame=Frame(a=5100, b=4401, dbl=2000, ed=5200, material=FrameMaterial.METAL, edge_type=EdgeType.BEVEL),
        lens=Lens(design="pal", material="cr39", colour="clear", coatings=("hc", "top"), options=("thin",)),
    )

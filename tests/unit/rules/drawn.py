"""Specs as Hypothesis draws them: any at all, and such as an optician would send."""

from hypothesis import strategies as st

from rules.spec import EdgeType, Eye, Eyes, Frame, FrameMaterial, Lens, Radii, Spec, Traces

wild = st.none() | st.integers(-(10**12), 10**12) | st.integers(-500, 9000)
powers = st.none() | st.integers(-30, 30).map(lambda steps: 100 * steps) | wild
eyes = st.builds(
    Eye,
    sphere=powers,
    cylinder=powers,
    axis=st.none() | st.integers(-5, 200),
    add=st.none() | st.integers(0, 300) | wild,
    prism_horizontal=wild,
    prism_vertical=wild,
    distance_pd=st.none() | st.integers(1500, 5000) | wild,
    near_pd=wild,
    fitting_height=wild,
)
circles = st.integers(900, 4500).map(lambda radius: Radii((radius,) * 36))
radii = st.none() | circles | st.builds(Radii, st.lists(st.integers(-10, 7000), max_size=40).map(tuple), st.just(()))
frames = st.builds(
    Frame,
    a=st.none() | st.integers(2000, 9000) | wild,
    b=st.none() | st.integers(1000, 9000) | wild,
    dbl=st.none() | st.integers(500, 4000) | wild,
    ed=wild,
    material=st.sampled_from(FrameMaterial),
    edge_type=st.sampled_from(EdgeType),
    traces=st.builds(Traces, radii, radii),
)


def ids(*known: str) -> st.SearchStrategy[str]:
    """Returns what a spec may say where an id belongs."""
    return st.sampled_from(known) | st.text(max_size=5)


lenses = st.builds(
    Lens,
    design=ids("pal", "plain", "ft", "stock"),
    material=ids("cr39", "mr10", "glass"),
    colour=ids("", "clear", "grey", "photo"),
    coatings=st.lists(ids("hc", "ar", "top"), max_size=4).map(tuple),
    options=st.lists(ids("prism-thinning", "polish", "dip"), max_size=4).map(tuple),
)
specs = st.builds(
    Spec,
    eyes=st.sampled_from(Eyes),
    right=eyes,
    left=eyes,
    frame=frames,
    lens=lenses,
    account=st.sampled_from(["", "A-1"]) | st.text(max_size=5),
)

_LIKELY_EYES = st.builds(
    Eye,
    sphere=st.sampled_from((-900, -700, -625, -400, -213, -150, -25, 0, 50, 150, 250, 413, 550)),
    cylinder=st.sampled_from((None, 0, -50, -125, -225, 100)),
    axis=st.sampled_from((None, 10, 90, 180)) | st.just(90),
    add=st.sampled_from((None, 0, 125, 150, 150, 200)),
    prism_horizontal=st.sampled_from((None, None, 0, 50, 400)),
    prism_vertical=st.sampled_from((None, None, -300)),
    distance_pd=st.sampled_from((2900, 3100, 3100, 3350)) | st.none(),
    fitting_height=st.sampled_from((1500, 1900, None)),
)
_LIKELY_FRAMES = st.builds(
    Frame,
    a=st.sampled_from((4200, 5100, 5100, 6000)) | st.none(),
    b=st.sampled_from((3000, 3800, 3800)) | st.none(),
    dbl=st.sampled_from((1800, 2000)) | st.none(),
    ed=st.sampled_from((None, 5300, 5600)),
    material=st.sampled_from(FrameMaterial),
    edge_type=st.sampled_from(EdgeType),
    traces=st.sampled_from(
        (Traces(), Traces(), Traces(), Traces(right=Radii((2300,) * 36)), Traces(left=Radii((4480, 4490) * 18)))
    ),
)
_LIKELY_LENSES = st.builds(
    Lens,
    design=st.sampled_from(("pal", "pal", "plain", "plain", "ft", "stock")),
    material=st.sampled_from(("cr39", "cr39", "cr39", "mr10", "glass")),
    colour=st.sampled_from(("", "clear", "clear", "grey", "photo")),
    coatings=st.sampled_from(
        ((), ("hc",), ("ar",), ("hc", "top"), ("hc", "ar"), ("top", "top"), ("no",), ("top",) * 7)
    ),
    options=st.sampled_from(((), (), ("prism-thinning",), ("polish",), ("polish", "prism-thinning"), ("dip",))),
)
likely = st.builds(
    Spec,
    eyes=st.sampled_from((Eyes.BOTH, Eyes.BOTH, Eyes.BOTH, Eyes.RIGHT, Eyes.LEFT, Eyes.UNSAID)),
    right=_LIKELY_EYES,
    left=_LIKELY_EYES,
    frame=_LIKELY_FRAMES,
    lens=_LIKELY_LENSES,
    account=st.sampled_from(("", "A-1", "B-2")),
)
"""Orders that are mostly in order."""

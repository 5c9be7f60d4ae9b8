"""The optical domain: what a lens, a frame and a trace are, and how the trade writes them down.

This room is pure. Nothing here opens a file, reads a clock or knows a message of the contracts: bytes and numbers
come in as arguments, frozen dataclasses and numbers go out. It needs the standard library, and numpy in the two modules
that compute over a whole outline.

Numbers are exact. Dioptres, prism dioptres and millimetres are integers of 1/100, of 1/1000 where a formula or a
format needs it (`optics.numbers`). Floats live inside geometry and never leave it unrounded, with two exceptions that
say so: outlines, which are drawings, and power vectors and matrices, which stand in the middle of a calculation.

    numbers     decimal text to integers on a lattice, and back
    eyes        right and left
    power       sphere, cylinder and axis: forms, meridians, sums, vertex distance, tilt
    prism       base settings of 0 to 360 degrees, base in / base up, and Prentice's rule
    trace       the shape of a lens: boxing, effective diameter, circumference, mirror symmetry
    shape       the same outline as arrays, or an estimate of it where only the box is known
    layout      decentration, and the blank it takes
    surfaces    radii, sagittas, tooling index, vertex powers, base curves
    thickness   the lens as a solid: centre, edge, volume, weight
    tolerances  profiles of limits, and what a measured lens is found to be
    opc         the number on the box of a blank, and its check digit
    dcs         the trade's job file (DCS, "OMA"): records, and the job they describe
"""

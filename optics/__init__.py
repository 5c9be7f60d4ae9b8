"""The optical domain: what a lens, a frame and a trace are, and how the trade writes them down.

This room is pure. Nothing here opens a file, reads a clock or knows a message of the contracts: bytes and numbers
come in as arguments, frozen dataclasses and numbers go out. It needs the standard library only.

Numbers are exact. Dioptres, prism dioptres and millimetres are integers of 1/100, of 1/1000 where a formula or a
format needs it (`optics.numbers`). Floats live inside trigonometry and never leave it unrounded, with one exception
that says so: the outline of a trace, which is a drawing.

    numbers   decimal text to integers on a lattice, and back
    eyes      right and left
    prism     base settings of 0 to 360 degrees, and base in / base up
    trace     the shape of a lens: boxing, effective diameter, circumference, mirror symmetry
    dcs       the trade's job file (DCS, "OMA"): records, and the job they describe
"""

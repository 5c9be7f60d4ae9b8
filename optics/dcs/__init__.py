"""The trade's job file: the Data Communication Standard of The Vision Council, known as DCS, "OMA" or "VCA".

Practice systems, lab systems and machines have exchanged jobs this way since the serial port. A file is a list of
records ``LABEL=value``; what belongs to two eyes is written ``right;left``:

    JOB=4711                  an order, a tray
    DO=B                      make both lenses
    SPH=-1.25;-1.50           sphere, right and left
    IPD=31.5;32               monocular distance PD in millimetres
    HBOX=52.00;52.00          width of the boxed lens
    TRCFMT=1;400;E;R;F        a trace follows: text, 400 radii, evenly spaced, right eye, of the frame
    R=2510;2512;...           its radii in 1/100 mm

The standard's text is not public and real files stray from it: units differ under one label, axes are negative, texts
stand where codes belong. So the reader is tolerant and the writer strict. Reading is done in two layers, each of which
can be trusted for one thing:

    records          bytes to records. Loses nothing: the very same bytes come back from `reassemble`. Unknown and
                     private labels, order, line ends and line lengths are kept, and so are the bytes of a binary
                     trace, line ends among them or not. Refuses what is not DCS.
    interpretation   records to a `DcsJob`. Believes nothing: a value is taken if it is a number, on its lattice and
                     within the range the trade knows for it; otherwise it is absent and a diagnostic says why.

    labels           what a label means, its unit, its lattice, its range: a table, in the order of writing
    values           labels checked against the table
    trace_formats    the numbers of a trace as text, and as absolute, differential or packed binary runs
    datasets         which numbers belong to which announcement (TRCFMT, ZFMT, STHKFMT), and what they say
    traces           shapes, heights of the rim and thicknesses of the edge, by side
    profiles         the nouns of the latter two
    drilling         holes, slots and notches (DRILLE)
    job              the nouns, and what a job lacks to be an order

Writing is done in one of two ways, and always so that what is written is read back as it was meant:

    writing          a job as a new file, as narrow as the standard: `write`
    editing          a file that was read with some of it changed, and the rest byte for byte as it was: `changed`,
                     `revised`

    packets          how records travel between a device and a host: framing, checksum, confirmations, and a decoder
                     of the bytes of a wire
    diagnostics      what the reader has to say about a file it read
    errors           what the reader refuses to read, and the writer to write

A caller that needs a job writes ``interpret(parse(data))`` and catches `DcsError`; nothing else is raised, whatever
the bytes are. One that needs a file writes ``write(job)``, or ``reassemble(revised(file, job))``, and catches the same.

What no source tells is not guessed: vendors' trace formats (5 and up), binary thicknesses, the unit of FRNT and FCRV,
whether the x of a hole in both lenses is mirrored. Such values are kept as they are, and a diagnostic says so.
"""

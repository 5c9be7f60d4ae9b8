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
stand where codes belong. Reading is therefore done in two layers, each of which can be trusted for one thing:

    records          bytes to records. Loses nothing: the very same bytes come back from `reassemble`. Unknown and
                     private labels, order, line ends and line lengths are kept. Refuses what is not DCS.
    interpretation   records to a `DcsJob`. Believes nothing: a value is taken if it is a number, on its lattice and
                     within the range the trade knows for it; otherwise it is absent and a diagnostic says why.

    labels           what a label means, its unit, its lattice, its range: a table
    values, traces   the two halves of the interpretation: labels checked against the table, and traced shapes
    job              the nouns, and what a job lacks to be an order
    diagnostics      what the reader has to say about a file it read
    errors           what the reader refuses to read

A caller that needs a job writes ``interpret(parse(data))`` and catches `DcsError`; nothing else is raised, whatever
the bytes are.
"""

"""Typesets documents: a Typst template of the service's and its data become a PDF.

The same template, data and time make the same bytes, on any machine and in any process: the time is given, the fonts
are those that come with the typesetter, and nothing is fetched. Every document is tagged and held to PDF/UA-1, so that
it can be read aloud; one without a title, or with a picture that no words stand for, is not made.

It takes tens of milliseconds and gives up the interpreter's lock meanwhile: a service has a thread do it.

A template reads its data as ``json(bytes(sys.inputs.data))``. What is in it is text and never markup, whoever wrote it.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from threading import local
from typing import cast

import typst

_FONTS = typst.Fonts(include_system_fonts=False)
_STANDARD: "list[typst.PDFStandard]" = ["ua-1"]
_of_thread = local()


def pdf(template: Path, data: Mapping[str, object], *, time: datetime) -> bytes:
    """Returns the document that a template makes of some data.

    Args:
        template: The Typst file; what it includes lies beside it.
        data: What is told to it; plain, as JSON holds it.
        time: When the document says that it was made; to the second.

    Raises:
        TypstError: The template is faulty, or not accessible, with this data.
    """
    made = _compiler(template).compile(
        format="pdf",
        sys_inputs={"data": json.dumps(data, sort_keys=True, ensure_ascii=False)},
        pdf_standards=_STANDARD,
        timestamp=int(time.timestamp()),
    )
    return cast("bytes", made)


def _compiler(template: Path) -> typst.Compiler:
    """Returns this thread's compiler for a template: none of them can be used by two threads at once."""
    compilers: dict[Path, typst.Compiler] = _of_thread.__dict__.setdefault("compilers", {})
    if template not in compilers:
        compilers[template] = typst.Compiler(
            template, root=template.parent, font_paths=_FONTS, ignore_system_fonts=True
        )
    return compilers[template]

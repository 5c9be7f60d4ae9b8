"""Why a file is refused as a whole, or a job cannot be said. Oddities of single labels are diagnostics, not errors.

    Exception
    └── DcsError
        ├── NotDcsError      binary, empty, or without a single LABEL=VALUE line
        ├── TooLargeError    beyond a size the reader is willing to work on
        ├── TruncatedError   a packet that began and did not end
        ├── CorruptedError   a packet whose checksum does not fit its content
        └── UnsayableError   a value that the strict writer has no way to write so that it is read as meant

Every message is a sentence for the person who sent the file, or asked for one: what is wrong, where, and what to do.
"""


class DcsError(Exception):
    """The bytes cannot be read as a DCS file, or the job not written as one."""


class NotDcsError(DcsError):
    """The bytes are something else than DCS text."""


class TooLargeError(DcsError):
    """The file is larger than any job; the message names the bound."""


class TruncatedError(DcsError):
    """A packet was opened and not closed: a part of it was lost on the way."""


class CorruptedError(DcsError):
    """The checksum of a packet does not fit what it carries: a part of it was changed on the way."""


class UnsayableError(DcsError):
    """The format has no way to say this; the message names the label and the way out."""

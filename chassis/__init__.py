"""What every service stands on.

A service brings its contract (proto), its servicers and its migrations; the chassis serves them: it enforces what the
contract declares (`contract`, `interceptor`), opens tenant-scoped transactions (`database`), keeps the service's
commit-ordered log (`log`, `tail`, `relay`), and starts and drains the process (`service`). It knows nothing of optics.
"""

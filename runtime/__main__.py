"""`python -m runtime`: the supervisor of one mesh, in the foreground until SIGTERM. `lensmesh up` runs it detached."""

import asyncio
import logging
import sys

from runtime import mesh, settings
from runtime.errors import MeshError

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
logging.getLogger("httpx").setLevel(logging.WARNING)  # it reports every probe
try:
    asyncio.run(mesh.run(settings.load()))
except MeshError as error:
    sys.exit(str(error))

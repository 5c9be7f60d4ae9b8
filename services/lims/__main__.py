"""Starts the LIMS: ``python -m services.lims`` serves; with ``migrate`` it brings the schema up to date."""

from chassis.service import run
from services.lims.service import SERVICE

run(SERVICE)

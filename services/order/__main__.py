"""Starts the order service: ``python -m services.order`` serves, ``python -m services.order migrate`` migrates."""

from chassis.service import run
from services.order.service import SERVICE

run(SERVICE)

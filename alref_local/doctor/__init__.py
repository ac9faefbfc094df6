"""What is missing on this machine for a config and a backend, and what mends it."""

from alref_local.doctor.findings import Finding, Subject, examine
from alref_local.doctor.visit import diagnose

__all__ = ["Finding", "Subject", "diagnose", "examine"]

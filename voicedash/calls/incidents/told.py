"""What a person wrote about an incident, for the log: its entries hold the key alone, as they can never be erased."""

from voicedash.calls.incidents.models import Incident
from voicedash.tenants import names

names.add("incident", Incident, lambda incident: incident.done)

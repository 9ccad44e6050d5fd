"""A stand-in for Bandwidth's Voice API, because tests and the demo need a service that obeys, and fails, on command.

Plain Python; real HTTP on 127.0.0.1. `with Fake() as fake:` and see `Fake`; `python -m voicedash.bandwidth.fake`.
"""

from voicedash.bandwidth.fake.accounts import FakeAccount
from voicedash.bandwidth.fake.callbacks import Delivery, Outbox, Weather
from voicedash.bandwidth.fake.faults import Fault
from voicedash.bandwidth.fake.messages import Request
from voicedash.bandwidth.fake.standin import Fake
from voicedash.bandwidth.fake.world import FakeCall

__all__ = ["Delivery", "Fake", "FakeAccount", "FakeCall", "Fault", "Outbox", "Request", "Weather"]

"""Properties are tried however slow the machine is: what others do on it fails no test."""

from hypothesis import HealthCheck, settings

settings.register_profile("any machine", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

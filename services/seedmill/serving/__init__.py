"""What every server and client shares: bootstrap, drain, health, interceptors, channels, metrics, logs, errors."""

"""The Kubernetes operator. Not built yet: `seedmill operator` says so and exits 2."""

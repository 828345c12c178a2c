"""The containment suite: hostile and legitimate programs as numbered data, and a driver that runs them in any form.

`resources`, `reach` and `legitimate` hold the cases, `conformance` runs them and reports JSON. The same cases are run
with the service driving gVisor as root and as an ordinary user, inside a gVisor pod, and natively as root.
"""

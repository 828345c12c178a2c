"""The execution service: untrusted programs and their tests to verdicts.

    server -> pool (idle sandboxes, retries, recycling) -> sandbox (one gVisor sandbox, or natively one process)
                                                              `-> inside.warden in it, which judges
    runsc_build finds and builds gVisor's program; bundle says what a sandbox may see.

Callers outside this room use `client.ExecutionClient`; hosts start `server.service`.
"""

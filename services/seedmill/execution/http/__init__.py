"""The execution service over HTTP, in the shapes of SandboxFusion, so that its users can switch.

    settings   where it listens
    app   routes, errors and the server  -> run_code   a program without tests, told by its exit status
                                         -> submit     a completion and its tests, told by a verdict

Off unless `seedmill serve execution --http-address` asks for it. It has no authentication.
"""

"""Sandboxes as the host sees them: gVisor's program, what a sandbox may see, starting and ending one."""

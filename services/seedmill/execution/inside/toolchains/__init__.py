"""Programs in languages other than Python: assembled, compiled, run, in one process with their tests.

phases       the compiler's process, then the program's       -> scratch    the folder that both share
                                                              -> sources    what their files hold
source_text  what a language's `assemble.py` may use: text without strings, the outer level, assertions that count

A language is a folder with `manifest.toml` (`seedmill/execution/languages.py` reads it, and says what it may hold) and
files of its own. What it starts talks to the warden in lines, so that any language can:

    descriptor 4 (read)    33 bytes at once, a key and a line feed; later 33 more, the nonce and a line feed
    descriptor 3 (write)   `loaded KEY` when the solution is loaded; the nonce is sent for it
                           `done NONCE COUNT` when the tests have run to their end and COUNT assertions ran
                           `failed STATUS REASON` instead: STATUS is fail, error, memory or incomplete

The key is to be read before the first line of the solution runs and kept where it cannot look: whoever does not know it
cannot ask for the nonce.
"""

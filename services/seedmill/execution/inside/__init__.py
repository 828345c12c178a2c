"""The program inside the sandbox: it loads a solution, runs its tests, and says only what the kernel can vouch for.

It runs under the sandbox's own Python, with the standard library alone, so nothing here imports the rest of seedmill.
Its text can be read by the programs it runs; nothing rests on it being secret. One long-lived process (`warden`, root
in the guest) forks for each test: T runs the tests (`test_process`), and under the strict protocol S runs the solution
(`solution_process`). S and T have uids of their own and talk over one socket (`remote`, `wire`), by values only.

    warden    requests in, verdicts out    -> run -> child, confinement   from fork to the first line of a program
                                                  -> processes            what they use, that none is left
                                                  -> judgement            what became of them
                                                  -> python               programs in Python
"""

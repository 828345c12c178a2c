"""What happens to rows and money when things break: a scripted engine, troubles, and a scorecard.

    play (one tool through one trouble) -> scorecard (what was lost, what was paid twice)
     |-> engine     an OpenAI-compatible server in a process of its own; it does what a `script` says, and counts
     |-> tools      how seedmill and its peers are started over the same prompts
     `-> scenarios  the troubles: what the engine does, and what is done to the process, its disk or its store

seedmill is started as its users start it, as a process; nothing here imports the pipeline. Called by `seedmill chaos`
and by the programs in benchmarks/.
"""

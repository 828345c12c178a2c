"""The inference service: prompts to completions, a gateway before the engines.

    server -> gateway -> endpoint (slots, one attempt) -> dialect, answers (what is sent, what comes back)
                 `-> retry (when to try again, when to give up)
    embedded starts llama.cpp in this process and is an endpoint like any other.

Callers outside this room use `client.InferenceClient`; hosts start `server.service`.
"""

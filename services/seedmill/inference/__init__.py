"""The inference service: prompts to completions, a gateway before the engines.

    server -> gateway -> endpoint (slots, circuit) -> an engine (one attempt): openai_engine -> dialect, answers
                 `-> retry (when to try again, when to give up)
    embedded starts llama.cpp in this process and is an endpoint like any other.

Callers outside this room use `client.InferenceClient`; hosts start `server.service`.
"""

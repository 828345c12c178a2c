"""What is written down: seeds, samples, step and end records, verdicts, the ledger, the selection law.

Pure values and functions of values. Every other room may import this one; it imports only `spec`.
"""

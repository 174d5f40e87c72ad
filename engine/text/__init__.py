"""From a prompt to the tokens and weights that text encoders take: weights.py, clip_tokenizer.py, chunks.py.

Knows no network: encode.py is handed one as a callable.
"""

"""The engine: graphs and torch, usable from a shell; it knows nothing of the service.

api        the only door for the service; imports no torch by itself
runner     one Runner owns residency and caches and runs graphs
nodes      typed functions that users see as nodes
text       tokenizers, prompt weights, chunks
sampling   schedules, prediction, guidance, samplers, noise: pure maths
residency  who is on the device: handles, pool, leases
models     one file per model family, in the released files' key names
weights    safetensors headers and lazy tensors
graph      torch-free: document, node schemas, validation, plan, cache, executor, events
errors     the tree of everything that can go wrong
"""

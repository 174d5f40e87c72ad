"""Independent implementations to compare with: diffusers and transformers fed with our weights, and tiny
models.
"""

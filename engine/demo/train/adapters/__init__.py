"""What goes on top of the trained demo model, learned from the same world while the model stays as it is.

embedding: a textual inversion.  blueprint: a style LoRA.
edges: a ControlNet.  tiny_decoder: a decoder for previews.
"""

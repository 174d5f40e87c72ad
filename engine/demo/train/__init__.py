"""How the demo model is trained: autoencoder, text encoder, then text encoder and U-Net together.

networks, corpus, state -> autoencoder, text, denoiser -> __main__.
"""

"""Networks: one file per architecture in the released files' key names, one per family, and detect.py."""

"""Who is on the device: handles name weights, the pool leases modules, load.py builds them, pack.py speeds up
CPUs.
"""

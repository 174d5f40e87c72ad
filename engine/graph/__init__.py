"""Graphs without torch: what people draw, how it is checked, and the order in which it runs.

document   nodes and links, immutable          schema     what a kind of node looks like, as data
formats/   how graphs are written down         spec       @node: a typed function becomes a node
kinds      what flows along edges              catalog    the schemas of all nodes
plan       what has to run, in which order     validate   all that is wrong with a graph
cache_key  what a result is: SHA-256 of all    coerce     what a prompt may say instead of the exact type
           that it depends on                  folders    files that prompts name
cache      results by identity, bounded        context    what a node may ask of its run
executor   runs a plan, reports events         events     what a run reports
limits     bounds
"""

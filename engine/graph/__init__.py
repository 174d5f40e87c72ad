"""Graphs without torch: what people draw, how it is checked, and the order in which it runs.

document   nodes and links, immutable          schema     what a kind of node looks like, as data
formats/   how graphs are written down          spec       @node: a typed function becomes a node
kinds      what flows along edges               validate   all that is wrong with a graph
plan       what has to run, in which order      identity   what a value is: SHA-256 of all it depends on
cache      values by identity, bounded          executor   runs a plan, tells events
folders    the models folder                    context    what a node may ask of its run
limits     bounds                               events     what a run tells
"""

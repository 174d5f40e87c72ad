"""Executions of graphs: the queue, the agents that work it off, what they report and what they bring out."""

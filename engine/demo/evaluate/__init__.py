"""Whether the demo model draws what it is asked for, judged by looking at the pixels.

grader, questions -> scores -> __main__.
"""

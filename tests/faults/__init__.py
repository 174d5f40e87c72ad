"""The real stack while things go wrong: killed agents, a wiped broker, a stopped supervisor."""

"""What Atelier brings along so that there is something to run on the first day."""

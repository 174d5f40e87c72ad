"""The built front end, health, and the headers of every answer."""

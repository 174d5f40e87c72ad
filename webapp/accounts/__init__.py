"""People and how they sign in: users, one-use login links, sessions."""

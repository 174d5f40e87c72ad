"""The service against a real database: every test has its own rows."""

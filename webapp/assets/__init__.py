"""What goes into runs and what comes out, stored by content and served by signed links."""

"""The real stack and a real browser: broker, web server, GPU agent, Chromium."""

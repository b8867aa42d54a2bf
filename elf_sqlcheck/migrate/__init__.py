"""Plan, history and deploy."""

"""What GitHub is told about a pull request: a comment, and the findings for code scanning."""

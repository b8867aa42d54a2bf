"""SQL-only stand-ins for extensions that the embedded server lacks."""

"""How files make a migration: one module a layout."""

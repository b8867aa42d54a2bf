"""The rules: one module a family, each exporting RULES."""

"""What statements change, and the schema that they add up to."""

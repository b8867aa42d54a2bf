"""The parts of `elf_sqlcheck.rule.Context`, by what a rule asks: of locks, of what runs, of other files, of owners."""

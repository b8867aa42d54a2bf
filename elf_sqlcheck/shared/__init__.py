"""What other programs of ElfAutomations import: the executor and the credentials."""

"""What ships with the package: instruments, histories with their adapters, instruction pairs; each with its card."""

__all__: list[str] = []

"""Low-level code shared by every step: files, processes, types, hashing, terminal output."""

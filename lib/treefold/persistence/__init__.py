"""Models and checkpoints on disk: writing, reading, encryption, hashes."""

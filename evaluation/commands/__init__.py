"""The commands of `evaluation`, one module each; heavy imports stand inside the commands."""

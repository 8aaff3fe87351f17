"""The roles without a model: rules on top of `agents.reading` and the local archive.

They are the embedded default, named as such in all output, and the floor that a model is compared with.
"""

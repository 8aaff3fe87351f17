"""The case and its rules: types, identity, text rules, validation, families, snapshots.

Needs pydantic and numpy only; scikit-learn is imported inside the audit alone.
"""

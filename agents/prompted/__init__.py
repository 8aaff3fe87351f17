"""The roles with a model: the same interfaces as offline, each question a versioned prompt file.

A model ranks, phrases, proposes and judges; what it may say is bounded by code: evidence is cited by number,
dates and names must stand in what is cited, probabilities must sum to one. A reply that breaks a rule is sent
back a bounded number of times and then fails the case.
"""

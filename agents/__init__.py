"""The collection service: seed events, dated chains, alternatives, estimates, checks, pending cases."""

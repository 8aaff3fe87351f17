"""Servers on loopback that speak the protocols the project talks to."""
